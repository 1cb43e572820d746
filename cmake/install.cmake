# What `cmake --install` puts where: the program, the library, its header, the networks, and what
# pkg-config and CMake need to find them. Their paths are relative to the files that hold them, so
# that the installed tree can be moved; only the program's own search for networks begins at the
# prefix that was configured.
include(CMakePackageConfigHelpers)

install(TARGETS deepdigits EXPORT deepdigits-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS deepdigits-program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES include/deepdigits.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/deepdigits/models
  FILES_MATCHING PATTERN "*.json" PATTERN "*.safetensors")

target_compile_definitions(deepdigits-program PRIVATE
  DD_MODEL_DIR="${CMAKE_INSTALL_FULL_DATADIR}/deepdigits/models")
file(RELATIVE_PATH from_bin_to_lib /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
set_target_properties(deepdigits-program PROPERTIES INSTALL_RPATH "$ORIGIN/${from_bin_to_lib}")

# ---- pkg-config ---------------------------------------------------------------------------------
# A static library leaves it to whoever links it to name what it needs; a shared one has done so.
set(DD_REQUIRED_PACKAGES OpenCL libcjson libprotobuf-c libxxhash zlib)
if(DD_WITH_CLBLAST)
  list(APPEND DD_REQUIRED_PACKAGES clblast)
endif()
if(JPEG_FOUND)
  list(APPEND DD_REQUIRED_PACKAGES libjpeg)
endif()
if(NOT BUILD_SHARED_LIBS)
  list(JOIN DD_REQUIRED_PACKAGES " " DD_PC_REQUIRES)
  set(DD_PC_LIBS "-pthread -lm")
endif()
file(RELATIVE_PATH DD_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" DD_PC_PREFIX ${DD_PC_PREFIX})
configure_file(cmake/deepdigits.pc.in deepdigits.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/deepdigits.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# ---- CMake package ------------------------------------------------------------------------------
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/deepdigits)
install(EXPORT deepdigits-targets NAMESPACE deepdigits:: DESTINATION ${package_folder})
configure_package_config_file(cmake/deepdigitsConfig.cmake.in deepdigitsConfig.cmake
  INSTALL_DESTINATION ${package_folder} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(deepdigitsConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/deepdigitsConfig.cmake
  ${PROJECT_BINARY_DIR}/deepdigitsConfigVersion.cmake DESTINATION ${package_folder})
