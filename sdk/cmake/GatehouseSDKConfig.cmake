# Gatehouse::SDK, Gatehouse::Testing and gatehouse_add_plugin(), of an installed SDK.
include(${CMAKE_CURRENT_LIST_DIR}/GatehouseTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/GatehouseSDK.cmake)
if(NOT DEFINED GATEHOUSE_PLUGIN_DIR)
  cmake_path(SET GATEHOUSE_PLUGIN_DIR NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../../gatehouse/plugins)
endif()
