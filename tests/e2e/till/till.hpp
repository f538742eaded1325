#pragma once
// A small point of sale, for the scenario: sells over the network, writes each sale to the shared volume before it answers, and can be told to
// let go of the volume. Its customer and its inspectors are here too, as commands of the one program.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone::till {

// Sales stand one behind the other in a file or on a bare disk, 32 bytes each: "000000000042 0000000007 5      \n" (number, customer's nonce, member).
// What comes after the last is zeros, or the file's end.
struct Sale {
  std::uint64_t number = 0;
  std::uint64_t nonce = 0;
  std::string member;  // the domain that sold it
};
inline constexpr std::size_t k_record = 32;
std::string record_of(const Sale& sale);
std::optional<Sale> parse_record(std::string_view untrusted_record);

using Options = std::map<std::string, std::string>;  // --name value
Result<std::string> option(const Options& options, const std::string& name);

std::uint64_t milliseconds_now();  // of a clock that nobody sets

// Each a command; they run until SIGTERM or to their end.
Result<void> serve(const Options& options);    // --mount FOLDER --volume NAME --control SOCKET --listen unix:PATH|udp:PORT
Result<void> tell(const std::string& word, const Options& options);  // take, release: --control SOCKET
Result<void> buy(const Options& options);      // --from udp:ADDRESS:PORT|sandbox:FOLDER --log FILE
Result<void> watch(const Options& options);    // --volume PATH --log FILE: which domains' backends serve it
Result<void> watch_bridge(const Options& options);  // --sandbox FOLDER --log FILE: which tills the filter lets speak at the shop's address
Result<void> inspect(const Options& options);  // --file FILE --log FILE [--volume-log FILE] [--bridge-log FILE]

bool was_stopped();  // SIGTERM or SIGINT came

}  // namespace zynclone::till
