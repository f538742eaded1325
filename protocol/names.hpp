#pragma once
// Checked names and strong types. Each is made by `parse`, which is the only way from untrusted text to the type, so that a
// value of the type may go into a path, an argument vector or a configuration without further checks.

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace zynclone {

// [A-Za-z0-9][A-Za-z0-9._-]{0,62}: safe as a file name, an XenStore node and an xl name. `what` names it in the error.
Result<std::string> parse_checked_name(std::string_view untrusted_text, std::string_view what, std::size_t longest);

template <class Tag>
class CheckedName {
 public:
  CheckedName() = default;  // empty: not set yet; parse never gives it
  static Result<CheckedName> parse(std::string_view untrusted_text) {
    TRY(auto text, parse_checked_name(untrusted_text, Tag::what, Tag::longest));
    return CheckedName(std::move(text));
  }
  const std::string& text() const { return text_; }
  auto operator<=>(const CheckedName&) const = default;

 private:
  explicit CheckedName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct VmNameTag { static constexpr std::string_view what = "VM name"; static constexpr std::size_t longest = 63; };
struct CloneNameTag { static constexpr std::string_view what = "clone name"; static constexpr std::size_t longest = 63; };
struct PeripheralNameTag { static constexpr std::string_view what = "peripheral name"; static constexpr std::size_t longest = 63; };
struct VolumeNameTag { static constexpr std::string_view what = "volume name"; static constexpr std::size_t longest = 63; };
struct RequestIdTag { static constexpr std::string_view what = "request id"; static constexpr std::size_t longest = 63; };
struct OperationIdTag { static constexpr std::string_view what = "operation id"; static constexpr std::size_t longest = 26; };

using VmName = CheckedName<VmNameTag>;          // an original, as in /etc/xen/clone/guest/<vm>.conf and in `xl list`
using CloneName = CheckedName<CloneNameTag>;    // unique within its family
using PeripheralName = CheckedName<PeripheralNameTag>;  // unique within its family
using VolumeName = CheckedName<VolumeNameTag>;  // a shared volume's, unique within its family
using RequestId = CheckedName<RequestIdTag>;    // the caller's own, for idempotency
using OperationId = CheckedName<OperationIdTag>;  // a ULID (26 characters), given by the broker

// Makes a new ULID: 48 bits of time in ms, 80 bits of randomness, Crockford's base 32, so that ids sort by time.
OperationId make_operation_id(std::chrono::system_clock::time_point now);

// RFC 4122 UUID, kept in lower case.
class Uuid {
 public:
  Uuid() = default;  // empty: not set yet; parse never gives it
  static Result<Uuid> parse(std::string_view untrusted_text);
  static Uuid random();                          // version 4
  static Uuid derived(std::string_view seed);    // version 8: the same seed gives the same UUID, for names that derive from an operation
  const std::string& text() const { return text_; }
  auto operator<=>(const Uuid&) const = default;

 private:
  explicit Uuid(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// aa:bb:cc:dd:ee:ff in lower case.
class MacAddress {
 public:
  MacAddress() = default;  // empty: not set yet; parse never gives it
  static Result<MacAddress> parse(std::string_view untrusted_text);
  static MacAddress derived(std::string_view seed);  // in Xen's 00:16:3e range; the same seed gives the same address
  const std::string& text() const { return text_; }
  auto operator<=>(const MacAddress&) const = default;

 private:
  explicit MacAddress(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct DomainId {
  std::uint32_t value = 0;
  auto operator<=>(const DomainId&) const = default;
};

// Of a family's published lockdown: only grows.
struct Generation {
  std::uint64_t value = 0;
  auto operator<=>(const Generation&) const = default;
};

// Bit n set: network interface n may speak. Interfaces above 63 may not.
struct VifMask {
  std::uint64_t value = 0;
  bool allows(unsigned index) const { return index < 64 && ((value >> index) & 1) != 0; }
  auto operator<=>(const VifMask&) const = default;
};

// Wall-clock time in whole milliseconds, UTC; on the wire RFC 3339 with three decimals and 'Z'.
using Timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;
std::string to_rfc3339(Timestamp time);
Result<Timestamp> parse_rfc3339(std::string_view untrusted_text);

// SHA-256 of a text as 64 hexadecimal digits (FIPS 180-4); for derived names and the audit log's chain.
std::string sha256_hex(std::string_view text);

// The text with control characters, invalid UTF-8 and bidirectional overrides replaced by \xNN, so that a terminal or a log
// line can show it.
std::string printable(std::string_view untrusted_text);

// The text's beginning, of at most so many bytes; ends between two letters of UTF-8, never inside one.
std::string_view cut_text(std::string_view text, std::size_t bytes);

}  // namespace zynclone
