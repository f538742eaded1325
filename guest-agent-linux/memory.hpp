#pragma once
// What keeps the agent small, as every guest of a host runs one.

namespace zynclone::agent {

// All threads share one heap, and what is free at its end goes back to the kernel. To be called first.
void keep_heap_small();

// Unmaps the pages of code and constants that were touched at the start and are not needed again; what is needed comes back from the page
// cache as it is used. Only parts of files that were mapped without write permission, which hold nothing of this process's own.
void give_back_code_pages();

}  // namespace zynclone::agent
