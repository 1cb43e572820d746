#!/usr/bin/env bash
# test_install static|shared SOURCE BUILD: installs deepdigits, moves the installed tree, and builds
# and runs docs/examples/digits.c against it from a folder of its own, found once by pkg-config and
# once by CMake.
#   static  installs BUILD as it is
#   shared  first builds the library as a shared one in BUILD/shared
set -euo pipefail

kind=$1 source=$2 build=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

wrong() {
    printf 'test_install %s: %s\n' "$kind" "$*" >&2
    exit 1
}

if [ "$kind" = shared ]; then
    build=$build/shared
    cmake -S "$source" -B "$build" -G Ninja -DBUILD_SHARED_LIBS=ON -DDD_BUILD_TESTS=OFF \
        -DCMAKE_BUILD_TYPE=Debug >/dev/null
    cmake --build "$build" >"$work/log" || { cat "$work/log"; wrong "does not build"; }
fi

cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
prefix=$work/moved
libraries=$(dirname "$(find "$prefix" -name 'libdeepdigits.*' | head -n 1)")

# try HOW PROGRAM: it must train a network that does better than chance, which is 0.1
try() {
    LD_LIBRARY_PATH=$libraries "$2" "$prefix/share/deepdigits/models/small.json" >"$work/out" ||
        wrong "the example built with $1: exit status $?"
    awk '/^accuracy/ { good = $2 > 0.5 } END { exit !good }' "$work/out" || {
        cat "$work/out"
        wrong "the example built with $1: expected an accuracy above 0.5"
    }
    printf '%s: %s\n' "$1" "$(grep '^accuracy' "$work/out")"
}

mkdir "$work/with-pkg-config" "$work/with-cmake"

cd "$work/with-pkg-config"
export PKG_CONFIG_PATH=$libraries/pkgconfig
read -ra flags <<<"$(pkg-config --cflags --libs deepdigits)"
cc -std=c11 -Wall -Wextra -Wpedantic -Werror "$source/docs/examples/digits.c" "${flags[@]}" -o digits
try pkg-config ./digits

cd "$work/with-cmake"
cat >CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.25)
project(elsewhere LANGUAGES C)
find_package(deepdigits 0.1 REQUIRED)
add_executable(digits "$source/docs/examples/digits.c")
target_link_libraries(digits PRIVATE deepdigits::deepdigits)
END
if ! { cmake -S . -B build -G Ninja -DCMAKE_PREFIX_PATH="$prefix" && cmake --build build; } >"$work/log" 2>&1
then
    cat "$work/log"
    wrong "find_package(deepdigits) does not work from another project"
fi
try CMake build/digits

# The installed program finds its library without help.
"$prefix/bin/deepdigits" inspect "$prefix/share/deepdigits/models/seed.json" >/dev/null ||
    wrong "the installed program: exit status $?"
