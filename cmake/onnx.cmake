# onnx.cmake: FOLDER/onnx.pb-c.{c,h}, made by PROTOC from PROTO, ONNX's own description of its files.
#
# protobuf-c reads messages inside messages by calling itself, so a file of some kilobytes could
# exhaust the stack: a graph has nodes, whose attributes have graphs. The three fields where this
# happens are read as the bytes that they are on the wire; control flow, sequences and maps, which
# they are for, are not imported.
file(READ ${PROTO} text)
string(REGEX REPLACE "(optional|repeated) (GraphProto g|GraphProto graphs|TypeProto elem_type|TypeProto value_type) ="
  "\\1 bytes \\2 =" text "${text}")
string(REPLACE " bytes GraphProto " " bytes " text "${text}")
string(REPLACE " bytes TypeProto " " bytes " text "${text}")
file(MAKE_DIRECTORY ${FOLDER})
file(WRITE ${FOLDER}/onnx.proto "${text}")
execute_process(COMMAND ${PROTOC} --c_out=${FOLDER} --proto_path=${FOLDER} onnx.proto
  WORKING_DIRECTORY ${FOLDER} COMMAND_ERROR_IS_FATAL ANY)
