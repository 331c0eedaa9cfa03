# What a plugin is built with:
#
#   include(GatehouseSDK)
#   gatehouse_add_plugin(cache SOURCES cache.cpp SCHEMA schema.json TEST cache_test.cpp)
#
# makes cache.so with one exported symbol. SCHEMA becomes the string literal GATEHOUSE_SCHEMA in "schema.h".
# TEST (optional, needs GTest and the library Gatehouse::Testing) makes cache_test with the plugin
# linked in.
set(GATEHOUSE_SDK_DIR ${CMAKE_CURRENT_LIST_DIR}/..)

if(NOT TARGET Gatehouse::SDK)
  add_library(gatehouse_sdk INTERFACE)
  add_library(Gatehouse::SDK ALIAS gatehouse_sdk)
  target_include_directories(gatehouse_sdk INTERFACE ${GATEHOUSE_SDK_DIR}/include)
  target_compile_features(gatehouse_sdk INTERFACE cxx_std_17)
endif()

function(gatehouse_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SCHEMA" "SOURCES;TEST;LIBRARIES")

  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${name}_generated)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${arg_SCHEMA})
  file(READ ${arg_SCHEMA} schema)
  string(REPLACE "\n" " " schema "${schema}")  # a macro is one line, and JSON strings hold no line ends
  file(CONFIGURE OUTPUT ${generated}/schema.h CONTENT "#define GATEHOUSE_SCHEMA R\"gatehouse(@schema@)gatehouse\"\n" @ONLY)

  # Compiled once, for the plugin and for its test.
  add_library(${name}_objects OBJECT ${arg_SOURCES})
  target_include_directories(${name}_objects PRIVATE ${generated})
  target_link_libraries(${name}_objects PUBLIC Gatehouse::SDK ${arg_LIBRARIES})
  set_target_properties(${name}_objects PROPERTIES POSITION_INDEPENDENT_CODE ON
                        C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
                        VISIBILITY_INLINES_HIDDEN ON)

  add_library(${name} MODULE $<TARGET_OBJECTS:${name}_objects>)
  target_link_libraries(${name} PRIVATE Gatehouse::SDK ${arg_LIBRARIES})
  set_target_properties(${name} PROPERTIES PREFIX "" LINKER_LANGUAGE CXX
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/gatehouse/plugins)
  target_link_options(${name} PRIVATE -Wl,--version-script=${GATEHOUSE_SDK_DIR}/cmake/plugin.map)
  if(NOT GATEHOUSE_SANITIZE AND NOT GATEHOUSE_FUZZ)  # the sanitizers' run time is resolved from the host
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()

  if(arg_TEST)
    add_executable(${name}_test ${arg_TEST} $<TARGET_OBJECTS:${name}_objects>)
    target_include_directories(${name}_test PRIVATE ${generated} ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name}_test PRIVATE Gatehouse::Testing GTest::gtest_main ${arg_LIBRARIES})
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()
endfunction()
