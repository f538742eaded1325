#pragma once
// The words that stand for enumerators on the wire, in journals and in files. Internal to protocol/ and to readers of the project's
// own files.

#include <span>
#include <utility>

#include "protocol/messages.hpp"

namespace zynclone::protocol {

template <class E>
using Words = std::span<const std::pair<E, std::string_view>>;

template <class E>
Words<E> words();

#define ZYNCLONE_WORDS(type, ...)                                             \
  template <>                                                                 \
  inline Words<type> words<type>() {                                          \
    using enum type;                                                          \
    static constexpr std::pair<type, std::string_view> k_words[] = {__VA_ARGS__}; \
    return k_words;                                                           \
  }

ZYNCLONE_WORDS(CloneMode, {offline, "offline"}, {online, "online"}, {live, "live"})
ZYNCLONE_WORDS(CloneState, {creating, "creating"}, {running, "running"}, {active, "active"}, {inactive, "inactive"},
               {removing, "removing"})
ZYNCLONE_WORDS(Consistency, {offline, "offline"}, {filesystem, "filesystem"}, {crash, "crash"}, {live, "live"})
ZYNCLONE_WORDS(CloneNetwork, {original, "original"}, {isolated, "isolated"})
ZYNCLONE_WORDS(PeripheralKind, {usb, "usb"}, {pci, "pci"})
ZYNCLONE_WORDS(VifMode, {unlocked, "unlocked"}, {locked, "locked"}, {disabled, "disabled"})
ZYNCLONE_WORDS(OperationState, {awaiting_approval, "awaiting-approval"}, {queued, "queued"}, {running, "running"},
               {succeeded, "succeeded"}, {failed, "failed"}, {denied, "denied"}, {expired, "expired"}, {cancelled, "cancelled"})
ZYNCLONE_WORDS(StepState, {pending, "pending"}, {running, "running"}, {done, "done"}, {failed, "failed"}, {undone, "undone"})
ZYNCLONE_WORDS(MemberRole, {original, "original"}, {clone, "clone"})
ZYNCLONE_WORDS(AfterProbation, {undo, "undo"}, {commit, "commit"})
ZYNCLONE_WORDS(CutoverSide, {leaving, "leaving"}, {taking, "taking"})

#undef ZYNCLONE_WORDS

// Errors: invalid_argument with all words that are allowed.
template <class E>
Result<E> parse_word(std::string_view untrusted_text, std::string_view what) {
  std::string allowed;
  for (const auto& [value, word] : words<E>()) {
    if (word == untrusted_text) return value;
    allowed += (allowed.empty() ? "" : ", ") + std::string(word);
  }
  return fail(Errc::invalid_argument, "cannot use " + std::string(what) + " '" + printable(untrusted_text.substr(0, 80)) +
                                          "': allowed are " + allowed);
}

}  // namespace zynclone::protocol
