#pragma once
// Tells the agent in a domain that the domain's memory is about to be copied, so that it has no channel open in the copy: Linux cannot close an event
// channel that was open when its VM was saved (drivers/xen/evtchn.c stops at a BUG in whoever tries), and a clone wakes up with what was open.
// Blocks; one a process.

#include <chrono>
#include <cstdint>
#include <string>

struct xs_handle;

namespace zynclone::broker {

class SaveNotice {
 public:
  // Writes `control/zynclone-save` of the domain and waits until nothing is advertised at `data/zynclone/broker`, or for this long. A guest whose agent
  // is silent or older is saved all the same; what it has open is its own matter.
  SaveNotice(std::uint32_t domain, std::chrono::milliseconds longest);
  SaveNotice(const SaveNotice&) = delete;
  SaveNotice& operator=(const SaveNotice&) = delete;
  // Takes the notice back: the agent opens its channel again.
  ~SaveNotice();

 private:
  void wait_for_agent(const std::string& advertisement, std::chrono::milliseconds longest);

  std::string node_;
  xs_handle* store_;
};

}  // namespace zynclone::broker
