#pragma once
// What is free where the image grows: a guest that changes its memory as fast as it is copied makes an image of several times its memory, and the file
// system is the one on which the broker keeps its journal. Blocks for a system call.

#include <cstdint>

namespace zynclone::broker {

// Whether so many bytes are free for others than root on the file system of the open file. Where that cannot be told: yes.
bool keeps_free(int file, std::uint64_t reserve);

}  // namespace zynclone::broker
