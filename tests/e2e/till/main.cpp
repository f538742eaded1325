// till: see till.hpp.
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "tests/e2e/till/till.hpp"

namespace zynclone::till {
namespace {

volatile std::sig_atomic_t g_stopped = 0;

Result<void> run(const std::string& command, const Options& options) {
  if (command == "serve") return serve(options);
  if (command == "take" || command == "release") return tell(command, options);
  if (command == "buy") return buy(options);
  if (command == "watch") return watch(options);
  if (command == "watch-bridge") return watch_bridge(options);
  if (command == "inspect") return inspect(options);
  return fail(Errc::invalid_argument, "cannot '" + command + "': serve, take, release, buy, watch, watch-bridge and inspect are known");
}

}  // namespace

bool was_stopped() { return g_stopped != 0; }

std::uint64_t milliseconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

std::string record_of(const Sale& sale) {
  char record[k_record + 1];
  std::snprintf(record, sizeof record, "%012llu %010llu %-7.7s\n", static_cast<unsigned long long>(sale.number),
                static_cast<unsigned long long>(sale.nonce), sale.member.c_str());
  return std::string(record, k_record);
}

std::optional<Sale> parse_record(std::string_view untrusted_record) {
  unsigned long long number = 0;
  unsigned long long nonce = 0;
  char member[8] = {};
  const std::string text(untrusted_record.substr(0, k_record));
  if (text.size() != k_record || std::sscanf(text.c_str(), "%12llu %10llu %7s", &number, &nonce, member) != 3) return std::nullopt;
  return Sale{.number = number, .nonce = nonce, .member = member};
}

Result<std::string> option(const Options& options, const std::string& name) {
  const auto found = options.find(name);
  if (found == options.end()) return fail(Errc::invalid_argument, "cannot go on without --" + name);
  return found->second;
}

}  // namespace zynclone::till

int main(int count, char** arguments) {
  using namespace zynclone::till;
  struct sigaction action {};
  action.sa_handler = [](int) { g_stopped = 1; };
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  Options options;
  for (int i = 2; i + 1 < count; i += 2) options[std::strncmp(arguments[i], "--", 2) == 0 ? arguments[i] + 2 : arguments[i]] = arguments[i + 1];
  const auto done = run(count > 1 ? arguments[1] : "", options);
  if (done) return 0;
  std::fprintf(stderr, "till: %s\n", done.error().message.c_str());
  return 1;
}
