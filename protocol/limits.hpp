#pragma once
// Every limit on what a peer may send or make us keep, in one place. docs/protocol.md explains each.

#include <chrono>
#include <cstddef>

namespace zynclone::protocol {

inline constexpr unsigned k_oldest_version = 1;
inline constexpr unsigned k_newest_version = 1;

inline constexpr std::size_t k_longest_message = 64 * 1024;    // bytes of JSON in a frame or a line
inline constexpr std::size_t k_longest_mailbox_request = 1024; // bytes of JSON from a guest without vchan
inline constexpr int k_deepest_json = 12;                      // nested objects and arrays
inline constexpr std::size_t k_most_json_keys = 64;            // keys of one object: lookups are linear
inline constexpr std::size_t k_most_json_values = 4096;        // in one message
inline constexpr std::size_t k_longest_text = 1024;            // bytes in a free text: a note, a reason, an error message
inline constexpr std::size_t k_most_list_entries = 100;        // one page of operations, approvals, audit entries
inline constexpr std::size_t k_most_command_words = 64;        // of a command to run in a guest, the program among them
inline constexpr std::size_t k_longest_command = 16 * 1024;    // bytes of all of them together
inline constexpr std::size_t k_longest_run_output = 1000;      // bytes that are kept of what it wrote, its end
inline constexpr std::chrono::seconds k_longest_run{86'400};

inline constexpr std::size_t k_most_requests_in_flight = 16;   // of one peer, unanswered; the next waits in its channel
inline constexpr std::chrono::seconds k_hello_deadline{10};
inline constexpr std::chrono::seconds k_write_deadline{10};    // a peer that reads nothing for so long is cut off
inline constexpr std::chrono::seconds k_answer_deadline{30};   // of every call that names none of its own

}  // namespace zynclone::protocol
