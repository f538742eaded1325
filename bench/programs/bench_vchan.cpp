// A bare vchan with blocking calls, to measure beside the product's own way: a guest's program sends 64 bytes, dom0's sends them back.
//   bench_vchan echo DOMAIN PATH                          in dom0: connects to the domain's vchan and echoes until the guest is done
//   bench_vchan compare ROUNDS PATH SOCKET LINE EXPECTED  in the guest: serves the vchan (PATH is relative to the domain's home), then in
//                                                         turn one echo and one LINE with its answer over the Unix socket
// `compare` prints "p50 p99" in microseconds, first of the echo, then of the line.

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/programs/line_client.hpp"

extern "C" {
#include <libxenvchan.h>
}

namespace {

using namespace zynclone::bench;

constexpr std::size_t k_ring = 8192;
constexpr int k_warm_up = 50;
using Message = std::array<char, 64>;

class Vchan {
 public:
  explicit Vchan(libxenvchan* control) : control_(control) {
    if (control_ == nullptr) give_up("open the vchan");
    control_->blocking = -1;  // a signed field of one bit
  }
  Vchan(const Vchan&) = delete;
  Vchan& operator=(const Vchan&) = delete;
  ~Vchan() { libxenvchan_close(control_); }

  void wait_for_client() {
    while (libxenvchan_is_open(control_) == 2)
      if (libxenvchan_wait(control_) != 0) give_up("wait for the client");
  }
  void send(const Message& message) {
    if (libxenvchan_send(control_, message.data(), message.size()) != static_cast<int>(message.size())) give_up("send over the vchan");
  }
  bool receive(Message& message) { return libxenvchan_recv(control_, message.data(), message.size()) == static_cast<int>(message.size()); }

 private:
  libxenvchan* control_;
};

int echo(int domain, const std::string& path) {
  const std::string whole = "/local/domain/" + std::to_string(domain) + "/" + path;
  Vchan vchan(libxenvchan_client_init(nullptr, domain, whole.c_str()));
  for (Message message; vchan.receive(message);) vchan.send(message);
  return 0;
}

double echo_time(Vchan& vchan, int round) {
  Message message{};
  std::memcpy(message.data(), &round, sizeof round);
  Message back{};
  const auto begun = Clock::now();
  vchan.send(message);
  const bool received = vchan.receive(back);
  const auto ended = Clock::now();
  if (!received || back != message) give_up("use the echo");
  return std::chrono::duration<double, std::micro>(ended - begun).count();
}

int compare(int rounds, const std::string& path, const std::string& socket, const std::string& line, const std::string& expected) {
  Vchan vchan(libxenvchan_server_init(nullptr, 0, path.c_str(), k_ring, k_ring));
  vchan.wait_for_client();
  LineClient client(socket);
  std::vector<double> echoes;
  std::vector<double> lines;
  for (int round = -k_warm_up; round < rounds; ++round) {
    const double echoed = echo_time(vchan, round);
    const double answered = client.round_trip(line, expected);
    if (round < 0) continue;
    echoes.push_back(echoed);
    lines.push_back(answered);
  }
  for (const auto& times : {echoes, lines}) std::printf("%.0f %.0f\n", percentile(times, 0.5), percentile(times, 0.99));
  return 0;
}

}  // namespace

int main(int count, char** values) {
  const std::vector<std::string> arguments(values + 1, values + count);
  if (arguments.size() == 3 && arguments[0] == "echo") return echo(std::atoi(arguments[1].c_str()), arguments[2]);
  if (arguments.size() == 6 && arguments[0] == "compare")
    return compare(std::atoi(arguments[1].c_str()), arguments[2], arguments[3], arguments[4], arguments[5]);
  std::fputs("usage: bench_vchan echo|compare ...; see the head of its source\n", stderr);
  return 2;
}
