#include "host-broker/ports/leases.hpp"

namespace zynclone::broker {

std::optional<Uuid> holder_of(const Lease& lease, const Uuid& original) { return lease.token == 0 ? original : lease.holder; }

std::string production_of(const Uuid& family) { return "production/" + family.text(); }

std::string volume_of(const Uuid& family, const VolumeName& volume) { return "volume/" + family.text() + '/' + volume.text(); }

}  // namespace zynclone::broker
