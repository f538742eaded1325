#pragma once
// The XenStore nodes of a pretended domain's disks, both sides and the toolstack's, with names and permissions as libxl 4.17 makes them
// (libxl_disk.c: device_disk_add). All are of the kind vbd, whatever their format: the sandbox has one backend.

#include "host-broker/ports/toolstack.hpp"
#include "host-broker/sandbox/store/engine.hpp"

namespace zynclone::sandbox {

// By xen/docs/man/xen-vbd-interface(7): xvda is 51712, xvdb 51728, xvda1 51713. Errors: invalid_argument for what is none of xvd*, sd*, hd*.
Result<unsigned> device_number(std::string_view device);

// Errors: invalid_argument for the device's name; xen.
Result<void> make_disk_nodes(StoreEngine& engine, DomainId domain, const broker::VmDisk& disk);

// Nodes that are not there are no error.
void remove_disk_nodes(StoreEngine& engine, DomainId domain, const broker::VmDisk& disk);

// Of all disks of a domain.
std::string disk_backends_path(DomainId domain);

}  // namespace zynclone::sandbox
