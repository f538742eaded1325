#pragma once
// Event channels, grants and as much of XenStore as the real libxenvchan needs, for both of its sides in one process: the test links
// that library against these in place of libxenevtchn, libxengnttab and libxenstore. Pages are a memory file's, each side maps its own.

#include <map>
#include <string>

struct vchan_interface;  // its header may be included once only

namespace zynclone::tests {

struct FakeXen {
  static FakeXen& instance();
  void reset();

  // The page that the last server shared, mapped for the test: the hostile peer's or the kernel's hands.
  vchan_interface* ring_page();
  // An event on every bound channel, as a peer that notifies without end would send.
  void notify_all();

  std::map<std::string, std::string> store;  // paths as libxenvchan wrote them, relative ones below /local/domain/1/
  bool server_has_devices = true;
  unsigned restricted_to = ~0u;              // by xenevtchn_restrict
  int mapped_pages = 0;                      // by clients, now
  int shared_pages = 0;                      // by servers, now
  int open_event_handles = 0;
};

}  // namespace zynclone::tests
