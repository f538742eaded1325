#pragma once
// Production and shared volumes as answers show them. They ask leases and block backends, which the family's file does not know.

#include "host-broker/core/ports.hpp"
#include "host-broker/core/views.hpp"

namespace zynclone::broker {

std::optional<protocol::ProbationView> probation_view(const Family& family);

// Of one family, by name. Where the configuration cannot be read: its error.
asio::awaitable<Result<std::vector<protocol::VolumeView>>> volume_views(Ports ports, Family family, Audience audience);

}  // namespace zynclone::broker
