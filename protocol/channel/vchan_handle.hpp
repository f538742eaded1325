#pragma once
// Owner of one libxenvchan control structure and of the wait for its events; what client and server have in common. Private to
// the vchan_*.cpp files. One thread.
//
// The ring's indices lie in memory that the peer writes. libxenvchan bounds every copy by the ring's size, but answers corrupt indices
// with "nothing there" for ever, so they are checked here before each call.

#include <boost/asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <memory>
#include <optional>

#include "protocol/names.hpp"
#include "system/async.hpp"

extern "C" {
#include <libxenvchan.h>
}

namespace zynclone::channel {

// libxenvchan makes paths in 64 bytes, cut silently: base + "/event-channel" + NUL.
inline constexpr std::size_t k_longest_vchan_path = 49;

// What a server needs of the kernel. libxenvchan 4.17 frees a pointer that it never set when it fails early, so look before it does.
Result<void> check_vchan_devices();

class VchanHandle {
 public:
  // `control` comes from libxenvchan_server_init or _client_init and is not null. Errors: system.
  static Result<std::unique_ptr<VchanHandle>> adopt(asio::any_io_executor executor, libxenvchan* control);
  ~VchanHandle();

  // Without waiting; 0: nothing there, or no room. Errors: unavailable when the peer has gone, xen when it has corrupted the ring.
  Result<std::size_t> read(void* into, std::size_t size);
  Result<std::size_t> write(const void* from, std::size_t size);

  // Something may have changed. Any number of coroutines may wait; they all wake. Errors: unavailable, cancelled.
  asio::awaitable<Result<void>> next_event();

  enum class Peer { absent, there, gone };  // absent: a server's client has not come yet
  Peer peer() const;
  // Of a client: none before it has read or written a byte. What its server has written is for whoever comes: it says its hello as soon as it hears
  // of a client, which may be before that client's next instruction.
  bool had_no_client() const;
  int largest_order() const;

  // Ends every wait and gives back what the channel held; the peer is told. More than once is no error. A channel that was open while this VM was
  // suspended is never given back: if the VM was restored, Linux stops at a BUG in whoever closes its event channel (evtchn_unbind_from_user).
  void close();

  // Keeps nothing that could reach another domain's memory or events than this one's. close() then only ends the waits: the
  // kernel unmaps, and tells the peer, when the process ends.
  Result<void> confine(DomainId peer_domain);
  int event_descriptor() const { return event_descriptor_; }

 private:
  struct Indices {
    std::uint32_t consumed = 0;  // ours
    std::uint32_t produced = 0;  // ours
  };
  VchanHandle(asio::any_io_executor executor, libxenvchan* control);
  Result<void> check_rings() const;

  libxenvchan* control_;
  asio::posix::stream_descriptor events_;
  int event_descriptor_ = -1;
  std::chrono::nanoseconds suspended_before_;  // when it was made: how long this VM had been suspended
  Indices own_;         // what they must be; the copies in the ring can be changed by the peer
  bool confined_ = false;
};

}  // namespace zynclone::channel
