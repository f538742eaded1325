#include "host-broker/network/pretended_announcer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host-broker/network/announcement_frames.hpp"
#include "system/descriptor.hpp"

namespace zynclone::broker::network {
namespace {

constexpr off_t k_large = 1 << 20;  // bytes

}  // namespace

Result<std::string> PretendedAnnouncer::announce(const Announcement& announcement, const FilterState&) {
  std::string lines;
  for (const std::string& address : announcement.addresses) {
    TRY(announcement_frame(announcement.mac, address));  // as it would be refused
    const bool is_ipv4 = address.find(':') == std::string::npos;
    lines += announcement.interface + ' ' + announcement.mac + (is_ipv4 ? " arp " : " neighbour ") + address + '\n';
  }
  const Descriptor file(::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  struct stat status {};
  if (file && ::fstat(file.get(), &status) == 0 && status.st_size > k_large && ::ftruncate(file.get(), 0) != 0) lines.clear();
  if (!file || ::write(file.get(), lines.data(), lines.size()) != static_cast<ssize_t>(lines.size())) {
    return fail(Errc::system, "cannot write to '" + file_.string() + "': " + std::strerror(errno));
  }
  return "pretended, in " + file_.string();
}

}  // namespace zynclone::broker::network
