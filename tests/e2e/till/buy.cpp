// The customer: wants something every 50 ms and notes what was sold. In the sandbox, whose network is pretended, it asks every domain whose
// interface the filter lets speak, as a frame on a bridge would reach it.
#include <poll.h>

#include <cstdio>
#include <cstring>

#include "system/async.hpp"
#include "tests/e2e/till/sandbox_network.hpp"
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

class PretendedNetwork : public Network {
 public:
  PretendedNetwork(std::string folder, xenstore::Store store) : store_(std::move(store)), network_(std::move(folder), store_) {}
  std::vector<Address> reachable() override {
    std::vector<Address> addresses;
    for (const auto& till : network_.tills()) addresses.push_back(till.address);
    return addresses;
  }

 private:
  xenstore::Store store_;
  SandboxNetwork network_;
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
    network = std::make_unique<PretendedNetwork>(folder, std::move(store));
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
