#pragma once
// A bridge in a network namespace of the test's own, with ports as a host has them: interfaces of guests, whose other ends play the
// guests, and two of the "LAN". All that is sent has arrived, or never will, when `arrivals` returns: no test waits for time to pass.

#include <linux/if_ether.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "system/descriptor.hpp"
#include "tests/host-broker/network/frames.hpp"

namespace zynclone::tests {

// A raw socket on one interface; sees what arrives there, of one Ethernet type or all.
class Tap {
 public:
  explicit Tap(const std::string& interface, int protocol = ETH_P_ALL);
  void send(const Bytes& frame) const;
  std::vector<Bytes> drain() const;              // what is there, without waiting
  Bytes receive() const;                         // waits, five seconds at most; empty then
 private:
  Descriptor socket_;
};

class BridgeLab {
 public:
  // False, with the reason, where the test may not make a namespace, an interface or a rule. Once a process and thread.
  static bool enter_namespace(std::string& why_not);
  // Runs a program of the system to its end; aborts the test program when it fails.
  static void run(std::vector<std::string> arguments);

  BridgeLab();
  ~BridgeLab();

  // A guest's interface on the bridge, and the guest's end of it.
  Tap& add_guest(const std::string& interface);
  void remove_guest(const std::string& interface);
  Tap& guest(const std::string& interface) { return *guests_.at(interface); }
  Tap& lan() { return *lan_; }
  Tap& host() { return *host_; }                 // the bridge itself, where frames for dom0 go

  // The marks of the frames that arrived at `tap` since the last time, once all that was sent has gone its way.
  std::vector<int> arrivals(Tap& tap);
  // Does the frame get from here to there?
  bool passes(Tap& from, Tap& to, const Bytes& frame);

 private:
  static void add_port(const std::string& interface, const std::string& other_end);
  void settle();

  std::map<std::string, std::unique_ptr<Tap>> guests_;
  std::unique_ptr<Tap> lan_;
  std::unique_ptr<Tap> far_;                     // the second port of the LAN: what arrives here came last
  std::unique_ptr<Tap> host_;
  int guests_made_ = 0;
  int next_mark_ = 1;
};

}  // namespace zynclone::tests
