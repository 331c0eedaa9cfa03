#include "core/server/bind_check.h"

#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/SocketAddress.h>

#include <cerrno>
#include <cstring>

namespace gatehouse::core {
namespace {

const char* remedy(int error) {
  switch (error) {
    case EACCES:
      return ": ports below 1024 need root; choose a higher one, or give the program the "
             "capability CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL:
      return ": this machine has no such address; 0.0.0.0 means every address it has";
    case EADDRINUSE: return ": another program listens there";
    default: return "";
  }
}

}  // namespace

std::string bind_failure(const Poco::Exception& failure) {
  if (failure.code() == 0) return failure.displayText();
  return std::strerror(failure.code()) + std::string(remedy(failure.code()));
}

std::string check_bind(const ServerSettings& settings) {
  try {
    Poco::Net::ServerSocket socket;
    socket.bind(Poco::Net::SocketAddress(settings.address, settings.port), true, false);
    return "";
  } catch (const Poco::Exception& e) {
    return e.code() == EADDRINUSE ? "" : bind_failure(e);
  }
}

}  // namespace gatehouse::core
