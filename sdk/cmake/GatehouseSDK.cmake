# What a plugin is built with:
#
#   find_package(GatehouseSDK 0.1 REQUIRED)
#   gatehouse_add_plugin(cache SOURCES cache.cpp SCHEMA schema.json TEST cache_test.cpp)
#
# makes cache.so with one exported symbol, and installs it in GATEHOUSE_PLUGIN_DIR: by default where
# the gateway of this SDK looks for plugins; nowhere if it is empty. SCHEMA becomes the string
# literal GATEHOUSE_SCHEMA in "schema.h", for C and C++, and OPENAPI (optional, a JSON file that
# describes the plugin's routes) GATEHOUSE_OPENAPI beside it. TEST (optional, needs GTest) makes
# cache_test with the plugin linked in. Mistakes that a gateway would find are found here.
set(GATEHOUSE_VERSION_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

# Installed, Gatehouse::SDK exists already: GatehouseSDKConfig.cmake has imported it.
if(NOT TARGET Gatehouse::SDK)
  cmake_path(SET GATEHOUSE_SDK_DIR NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/..)
  add_library(gatehouse_sdk INTERFACE)
  add_library(Gatehouse::SDK ALIAS gatehouse_sdk)
  target_include_directories(gatehouse_sdk INTERFACE $<BUILD_INTERFACE:${GATEHOUSE_SDK_DIR}/include>
                             $<INSTALL_INTERFACE:include>)
  target_compile_features(gatehouse_sdk INTERFACE cxx_std_17)
  set_target_properties(gatehouse_sdk PROPERTIES EXPORT_NAME SDK)
endif()

# The content of a file with a JSON object.
function(gatehouse_read_json out file)
  cmake_path(ABSOLUTE_PATH file NORMALIZE)
  if(NOT EXISTS ${file})
    message(FATAL_ERROR "${file} does not exist: write the JSON Schema of the configuration there")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(JSON members ERROR_VARIABLE error LENGTH "${text}")
  if(error)
    message(FATAL_ERROR "${file} is not valid JSON: ${error}")
  endif()
  if(NOT text MATCHES "^[ \t\r\n]*{")
    message(FATAL_ERROR "${file} must be a JSON object, such as {\"type\": \"object\"}")
  endif()
  # The parser of CMake lets these pass, that of the gateway does not.
  string(REGEX REPLACE "\"([^\"\\]|\\\\.)*\"" "\"\"" without_strings "${text}")
  if(without_strings MATCHES ",[ \t\r\n]*[]}]")
    message(FATAL_ERROR "${file} is not valid JSON: a comma before ] or }: remove it")
  elseif(without_strings MATCHES "/[/*]")
    message(FATAL_ERROR "${file} is not valid JSON: comments: use \"$comment\" or \"description\"")
  endif()
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# A definition of a macro as the content of a JSON file: a C string literal on one line, as JSON
# strings hold no line ends.
function(gatehouse_define out macro file)
  gatehouse_read_json(text ${file})
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  string(REGEX REPLACE "[\r\n]+" " " text "${text}")
  set(${out} "#define ${macro} \"${text}\"\n" PARENT_SCOPE)
endfunction()

function(gatehouse_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SCHEMA;OPENAPI" "SOURCES;TEST;LIBRARIES")
  set(call "gatehouse_add_plugin(${name} ${ARGN})")
  string(REPLACE ";" " " call "${call}")
  if(NOT name MATCHES "^[A-Za-z0-9_-]+$")
    message(FATAL_ERROR "${call}: the name has letters, digits, - and _ only")
  endif()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${call}: expected SOURCES, SCHEMA, OPENAPI, TEST or LIBRARIES"
                        " before ${arg_UNPARSED_ARGUMENTS}")
  endif()
  foreach(required SOURCES SCHEMA)
    if(NOT arg_${required})
      message(FATAL_ERROR "${call}: ${required} is missing or misspelt: expected"
                          " SOURCES FILE... SCHEMA schema.json")
    endif()
  endforeach()

  gatehouse_define(definitions GATEHOUSE_SCHEMA ${arg_SCHEMA})
  if(arg_OPENAPI)
    gatehouse_define(openapi GATEHOUSE_OPENAPI ${arg_OPENAPI})
    string(APPEND definitions "${openapi}")
  endif()
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${name}_generated)
  file(CONFIGURE OUTPUT ${generated}/schema.h @ONLY CONTENT "@definitions@")

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
  target_link_options(${name} PRIVATE
                      -Wl,--version-script=${GATEHOUSE_VERSION_SCRIPT})
  # The run time of the sanitizers is resolved from the host.
  if(NOT GATEHOUSE_SANITIZE AND NOT GATEHOUSE_FUZZ)
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()

  if(GATEHOUSE_PLUGIN_DIR)
    install(TARGETS ${name} LIBRARY DESTINATION ${GATEHOUSE_PLUGIN_DIR} COMPONENT plugins)
  endif()

  if(arg_TEST AND NOT TARGET Gatehouse::Testing)
    message(WARNING "${name}_test is left out: it needs the library Gatehouse::Testing: use an"
                    " installed SDK with find_package(GatehouseSDK), or include the source tree of"
                    " the gateway with add_subdirectory()")
  elseif(arg_TEST)
    find_package(GTest REQUIRED)
    add_executable(${name}_test ${arg_TEST} $<TARGET_OBJECTS:${name}_objects>)
    target_include_directories(${name}_test PRIVATE ${generated} ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name}_test PRIVATE Gatehouse::Testing GTest::gtest_main ${arg_LIBRARIES})
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()
endfunction()
