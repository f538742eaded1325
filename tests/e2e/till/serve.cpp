#include <fcntl.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "host-broker/xen/store/xenstore.hpp"
#include "system/async.hpp"
#include "tests/e2e/till/sockets.hpp"
#include "tests/e2e/till/till.hpp"

namespace zynclone::till {
namespace {

Error failed(const std::string& what) { return Error{Errc::system, "cannot " + what + ": " + std::strerror(errno)}; }

// Which domain this is: a clone goes on as a copy of another.
std::string own_domain() {
  asio::io_context context(1);
  auto store = xenstore::Store::open(context.get_executor());
  if (!store) return "?";
  const auto domain = store.value().read("domid");
  return domain && domain.value() ? *domain.value() : "?";
}

class Till {
 public:
  explicit Till(std::string file) : file_(std::move(file)) {}
  bool is_open() const { return static_cast<bool>(volume_); }

  // After the last sale that is there.
  Result<void> take() {
    if (is_open()) return outcome::success();
    member_ = own_domain();
    Descriptor volume(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!volume) return failed("open '" + file_ + "'");
    const auto size = static_cast<std::uint64_t>(::lseek(volume.get(), 0, SEEK_END));
    std::uint64_t low = 0;  // so many sales are there at least, and at most `high`
    std::uint64_t high = size / k_record;
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      char record[k_record] = {};
      if (::pread(volume.get(), record, k_record, static_cast<off_t>(middle * k_record)) != static_cast<ssize_t>(k_record)) return failed("read '" + file_ + "'");
      if (parse_record(std::string_view(record, k_record))) low = middle + 1;
      else high = middle;
    }
    sold_ = low;
    volume_ = std::move(volume);
    std::printf("took the volume after sale %llu\n", static_cast<unsigned long long>(sold_));
    return outcome::success();
  }

  void release() {
    if (is_open()) std::printf("released the volume after sale %llu\n", static_cast<unsigned long long>(sold_));
    volume_ = Descriptor();
  }

  // On the disk before it is answered. Nothing is sold that cannot be written.
  std::optional<Sale> sell(std::uint64_t nonce) {
    if (!is_open()) return std::nullopt;
    const Sale sale{.number = sold_ + 1, .nonce = nonce, .member = member_};
    const std::string record = record_of(sale);
    const bool written = ::pwrite(volume_.get(), record.data(), k_record, static_cast<off_t>(sold_ * k_record)) == static_cast<ssize_t>(k_record) &&
                         ::fdatasync(volume_.get()) == 0;
    if (!written) return std::nullopt;
    ++sold_;
    return sale;
  }

 private:
  std::string file_;
  std::string member_;
  Descriptor volume_;
  std::uint64_t sold_ = 0;
};

void serve_customer(int socket, Till& till) {
  char text[64] = {};
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  if (::recvfrom(socket, text, sizeof text - 1, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size) <= 0) return;
  unsigned long long nonce = 0;
  if (std::sscanf(text, "buy %llu", &nonce) != 1) return;
  const auto sale = till.sell(nonce);
  if (!sale) return;
  const std::string answer = "sold " + record_of(*sale);
  (void)::sendto(socket, answer.data(), answer.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&from), size);
}

void serve_control(int listener, Till& till) {
  const Descriptor peer(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  char word[16] = {};
  if (!peer || ::read(peer.get(), word, sizeof word - 1) <= 0) return;
  std::string answer = "ok";
  if (std::strncmp(word, "release", 7) == 0) till.release();
  else if (auto taken = till.take(); !taken) answer = taken.error().message;
  (void)::write(peer.get(), answer.data(), answer.size());
  std::fflush(stdout);
}

}  // namespace

Result<void> serve(const Options& options) {
  TRY(const std::string mount, option(options, "mount"));
  TRY(const std::string volume, option(options, "volume"));
  TRY(const std::string control_path, option(options, "control"));
  TRY(const std::string listen_at, option(options, "listen"));
  TRY(const Address control_address, parse_address("unix:" + control_path));
  TRY(const Address listen_address, parse_address(listen_at));
  TRY(const Descriptor control, bound_socket(control_address, SOCK_STREAM));
  TRY(const Descriptor network, bound_socket(listen_address, SOCK_DGRAM));
  if (::listen(control.get(), 4) != 0) return failed("listen at '" + control_path + "'");
  Till till(mount + '/' + volume);
  if (::access((mount + '/' + volume).c_str(), F_OK) == 0) (void)till.take();  // it was mounted before this began
  std::fflush(stdout);
  while (!was_stopped()) {
    pollfd wanted[2] = {{control.get(), POLLIN, 0}, {network.get(), POLLIN, 0}};
    if (::poll(wanted, 2, -1) < 0) continue;
    if (wanted[0].revents != 0) serve_control(control.get(), till);
    if (wanted[1].revents != 0) serve_customer(network.get(), till);
  }
  till.release();
  return outcome::success();
}

Result<void> tell(const std::string& word, const Options& options) {
  TRY(const std::string path, option(options, "control"));
  TRY(const Address address, parse_address("unix:" + path));
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), address.get(), address.size) != 0) return failed("reach the till at '" + path + "'");
  if (::write(socket.get(), word.data(), word.size()) < 0) return failed("tell the till");
  char answer[256] = {};
  if (::read(socket.get(), answer, sizeof answer - 1) <= 0) return failed("hear the till");
  if (std::string_view(answer) == "ok") return outcome::success();
  return fail(Errc::system, answer);
}

}  // namespace zynclone::till
