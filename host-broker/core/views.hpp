#pragma once
// Records and families as they are shown: to a guest without what is the host's own (policy, places, domain ids, paths).

#include "host-broker/core/ports.hpp"
#include "host-broker/ports/request_handler.hpp"

namespace zynclone::broker {

enum class Audience { guest, administrator };
Audience audience_of(const Caller& caller);

// What was asked beside the clone's name: "mode online, not started, note: …" of a create, "to again" of a rename, else nothing. Printable, cut.
std::string detail_of(const OperationRecord& record);

protocol::CloneView view_of(const Family& family, const Clone& clone, Audience audience);
protocol::FamilyView view_of(const Family& family);  // without its clones: they come by pages
// `clone`: the operation's clone as it is now, if it is there.
protocol::OperationView view_of(const OperationRecord& record, const Family* family, Audience audience);

}  // namespace zynclone::broker
