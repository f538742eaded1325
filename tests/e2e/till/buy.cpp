// The customer: wants something every 50 ms and notes what was sold. In the sandbox, whose network is pretended, it asks every domain whose
// interface the filter lets speak, as a frame on a bridge would reach it.
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "host-broker/xen/store/xenstore.hpp"
#include "system/async.hpp"
#include "system/file.hpp"
#include "tests/e2e/till/sockets.hpp"
#include "tests/e2e/till/till.hpp"

namespace zynclone::till {
namespace {

constexpr std::uint64_t k_between = 50;  // ms

class Network {
 public:
  virtual ~Network() = default;
  virtual std::vector<Address> reachable() = 0;
};

class RealNetwork : public Network {
 public:
  explicit RealNetwork(Address till) : till_(till) {}
  std::vector<Address> reachable() override { return {till_}; }

 private:
  Address till_;
};

class SandboxNetwork : public Network {
 public:
  SandboxNetwork(std::string folder, xenstore::Store store) : folder_(std::move(folder)), store_(std::move(store)) {}

  std::vector<Address> reachable() override {
    std::vector<Address> addresses;
    const auto filter = read_file(folder_ + "/run/filter", 1 << 20);
    if (!filter) return addresses;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/domains")) {
      const std::string socket = entry.path().string() + "/till.sock";
      if (::access(socket.c_str(), F_OK) != 0 || !may_speak(filter.value(), interface_of(entry.path().filename().string()))) continue;
      if (const auto address = parse_address("unix:" + socket)) addresses.push_back(address.value());
    }
    return addresses;
  }

 private:
  std::string interface_of(const std::string& domain) {
    std::string& name = interfaces_[domain];
    if (!name.empty()) return name;
    const auto fixed = store_.read("/local/domain/0/backend/vif/" + domain + "/0/vifname");
    name = fixed && fixed.value() ? *fixed.value() : "vif" + domain + ".0";
    return name;
  }

  // The filter's file is that of clone-net-monitor: "<interface> <mode> …", "unknown pass|hold".
  static bool may_speak(const std::string& filter, const std::string& interface) {
    std::istringstream lines(filter);
    bool unknown_pass = false;
    std::string name;
    std::string mode;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream(line) >> name >> mode;
      if (name == interface) return mode != "disabled";
      if (name == "unknown") unknown_pass = mode == "pass";
    }
    return unknown_pass;
  }

  std::string folder_;
  xenstore::Store store_;
  std::map<std::string, std::string> interfaces_;
};

}  // namespace

Result<void> buy(const Options& options) {
  TRY(const std::string from, option(options, "from"));
  TRY(const std::string log_path, option(options, "log"));
  asio::io_context context(1);
  std::unique_ptr<Network> network;
  Descriptor socket;
  if (from.starts_with("sandbox:")) {
    const std::string folder = from.substr(8);
    TRY(auto store, xenstore::Store::open(context.get_executor()));
    TRY(const Address own, parse_address("unix:" + folder + "/customer.sock"));
    TRY(socket, bound_socket(own, SOCK_DGRAM));
    network = std::make_unique<SandboxNetwork>(folder, std::move(store));
  } else {
    TRY(const Address till, parse_address(from));
    TRY(const Address own, parse_address("udp:0"));
    TRY(socket, bound_socket(own, SOCK_DGRAM));
    network = std::make_unique<RealNetwork>(till);
  }
  std::FILE* log = std::fopen(log_path.c_str(), "we");
  if (log == nullptr) return fail(Errc::system, "cannot write '" + log_path + "': " + std::strerror(errno));
  const std::uint64_t start = milliseconds_now();
  for (std::uint64_t nonce = 1; !was_stopped(); ++nonce) {
    const std::string wish = "buy " + std::to_string(nonce);
    for (const Address& till : network->reachable()) {
      (void)::sendto(socket.get(), wish.data(), wish.size(), MSG_DONTWAIT, till.get(), till.size);
    }
    const std::uint64_t next = start + nonce * k_between;
    for (std::uint64_t now = milliseconds_now(); now < next && !was_stopped(); now = milliseconds_now()) {
      pollfd wanted{socket.get(), POLLIN, 0};
      if (::poll(&wanted, 1, static_cast<int>(next - now)) <= 0) continue;
      char answer[64] = {};
      if (::recv(socket.get(), answer, sizeof answer - 1, MSG_DONTWAIT) <= 5) continue;
      const auto sale = parse_record(answer + 5);
      if (!sale) continue;
      std::fprintf(log, "%llu %llu %llu %s\n", static_cast<unsigned long long>(milliseconds_now() - start), static_cast<unsigned long long>(sale->number),
                   static_cast<unsigned long long>(sale->nonce), sale->member.c_str());
      std::fflush(log);
    }
  }
  std::fclose(log);
  return outcome::success();
}

}  // namespace zynclone::till
