#include "tests/host-broker/network/bridge_lab.hpp"

#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>

namespace zynclone::tests {
namespace {

[[noreturn]] void give_up(const std::string& doing) {
  std::fprintf(stderr, "cannot %s: %s\n", doing.c_str(), std::strerror(errno));
  std::abort();
}

void write_setting(const char* file, const char* value) {
  const Descriptor setting(::open(file, O_WRONLY | O_CLOEXEC));
  if (setting && ::write(setting.get(), value, std::strlen(value)) < 0) give_up(std::string("set ") + file);
}

constexpr std::string_view k_sentinel_mac = "02:00:00:00:00:fe";

}  // namespace

Tap::Tap(const std::string& interface, int protocol) : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(static_cast<std::uint16_t>(protocol)))) {
  if (!socket_) give_up("open a raw socket");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(static_cast<std::uint16_t>(protocol));
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("bind to '" + interface + "'");
  const int on = 1;
  if (::setsockopt(socket_.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0) give_up("ignore outgoing frames");
  const timeval limit{5, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  packet_mreq everything{};
  everything.mr_ifindex = address.sll_ifindex;
  everything.mr_type = PACKET_MR_PROMISC;
  if (::setsockopt(socket_.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything, sizeof everything) != 0) give_up("listen to all frames");
}

void Tap::send(const Bytes& frame) const {
  if (::send(socket_.get(), frame.data(), frame.size(), 0) != static_cast<ssize_t>(frame.size())) give_up("send a frame");
}

std::vector<Bytes> Tap::drain() const {
  std::vector<Bytes> frames;
  std::array<char, 2048> buffer;
  for (;;) {
    const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0) return frames;
    frames.emplace_back(buffer.data(), static_cast<std::size_t>(size));
  }
}

Bytes Tap::receive() const {
  std::array<char, 2048> buffer;
  const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  return size < 0 ? Bytes() : Bytes(buffer.data(), static_cast<std::size_t>(size));
}

void BridgeLab::run(std::vector<std::string> arguments) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  int status = 0;
  if (::posix_spawnp(&child, pointers[0], nullptr, nullptr, pointers.data(), environ) != 0 || ::waitpid(child, &status, 0) != child || status != 0) {
    std::string all;
    for (const std::string& argument : arguments) all += argument + " ";
    give_up("run " + all);
  }
}

bool BridgeLab::enter_namespace(std::string& why_not) {
  static thread_local bool entered = false;
  if (entered) return true;
  // One processor: frames then pass the kernel's queues in the order in which they were sent.
  cpu_set_t processors;
  if (::sched_getaffinity(0, sizeof processors, &processors) != 0) give_up("ask for processors");
  int first = 0;
  while (!CPU_ISSET(first, &processors)) ++first;
  CPU_ZERO(&processors);
  CPU_SET(first, &processors);
  if (::unshare(CLONE_NEWNET) != 0) {
    why_not = std::string("a network namespace cannot be made: ") + std::strerror(errno);
    return false;
  }
  if (::sched_setaffinity(0, sizeof processors, &processors) != 0) give_up("stay on one processor");
  // No traffic but the tests' own.
  write_setting("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
  write_setting("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
  // A bridge that hands its frames to iptables drops those whose checksums are wrong, and cuts what is behind their packet.
  for (const char* tables : {"iptables", "ip6tables", "arptables"}) {
    write_setting((std::string("/proc/sys/net/bridge/bridge-nf-call-") + tables).c_str(), "0");
  }
  entered = true;
  return true;
}

BridgeLab::BridgeLab() {
  run({"ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0"});
  run({"ip", "link", "set", "br0", "up"});
  add_port("eth-lan", "lan");
  add_port("eth-far", "far");
  lan_ = std::make_unique<Tap>("lan");
  far_ = std::make_unique<Tap>("far");
  host_ = std::make_unique<Tap>("br0");
}

BridgeLab::~BridgeLab() {
  // A pair of interfaces goes with either of its ends.
  for (const auto& [interface, tap] : guests_) run({"ip", "link", "del", interface});
  for (const char* interface : {"eth-lan", "eth-far", "br0"}) run({"ip", "link", "del", interface});
}

void BridgeLab::add_port(const std::string& interface, const std::string& other_end) {
  run({"ip", "link", "add", interface, "type", "veth", "peer", "name", other_end});
  run({"ip", "link", "set", other_end, "up"});
  run({"ip", "link", "set", interface, "master", "br0", "up"});
}

Tap& BridgeLab::add_guest(const std::string& interface) {
  const std::string inside = "guest" + std::to_string(++guests_made_);
  add_port(interface, inside);
  return *(guests_[interface] = std::make_unique<Tap>(inside));
}

void BridgeLab::remove_guest(const std::string& interface) {
  run({"ip", "link", "del", interface});
  guests_.erase(interface);
}

// A frame takes two of the kernel's queues from port to port, and one that comes after it the same two.
void BridgeLab::settle() {
  const int mark = 900'000 + next_mark_++;
  lan_->send(marked(ethernet({.source = k_sentinel_mac}, 0x88b5, ""), mark));
  for (;;) {
    const Bytes frame = far_->receive();
    if (frame.empty()) give_up("see a frame cross the bridge");
    if (mark_of(frame) == mark) return;
  }
}

std::vector<int> BridgeLab::arrivals(Tap& tap) {
  settle();
  std::vector<int> marks;
  for (const Bytes& frame : tap.drain()) {
    const int mark = mark_of(frame);
    if (mark > 0 && mark < 900'000) marks.push_back(mark);
  }
  return marks;
}

bool BridgeLab::passes(Tap& from, Tap& to, const Bytes& frame) {
  arrivals(to);
  const int mark = next_mark_++;
  from.send(marked(frame, mark));
  const auto marks = arrivals(to);
  return std::find(marks.begin(), marks.end(), mark) != marks.end();
}

}  // namespace zynclone::tests
