#pragma once
// The protocol's views and errors to the public values of include/zynclone/types.hpp.

#include "guest-agent-linux/client/include/zynclone/types.hpp"
#include "protocol/messages.hpp"

namespace zynclone::client {

Error convert(const zynclone::Error& error);
Clone convert(const protocol::CloneView& view);
Cutover convert(const protocol::CutoverView& view);
Volume convert(const protocol::VolumeView& view);
Peripheral convert(const protocol::PeripheralView& view);
Family convert(const protocol::FamilyView& view);
Operation convert(const protocol::OperationView& view);
Plan convert(const protocol::PlanView& view);

}  // namespace zynclone::client
