#pragma once
// The record of an operation as it begins, whoever asked for it.

#include "host-broker/ports/family.hpp"
#include "host-broker/ports/journal.hpp"

namespace zynclone::broker {

// Who asks when the broker does something by itself.
inline constexpr std::string_view k_broker = "broker";

// What the engine adds to an error, of which a guest is told this much, and how it begins the text of a step that it could not undo.
inline constexpr std::string_view k_ask_again = "ask for it again to finish it";
inline constexpr std::string_view k_not_all_undone = "what was done could not all be undone";
inline constexpr std::string_view k_cannot_undo = "cannot undo: ";

// With a new id, the family, what is asked and when; the requester is the caller's to fill in.
OperationRecord new_record(const Family& family, const protocol::Method& method, Timestamp now);

bool is_of_administrator(const OperationRecord& record);
// So is what the broker itself has to do: no guest keeps it from that by what it asks for.
bool goes_before_guests(const OperationRecord& record);

// As the audit log names its requester: "pos1/upgrade-1", "admin:ada", "broker".
std::string actor_of(const OperationRecord& record);

}  // namespace zynclone::broker
