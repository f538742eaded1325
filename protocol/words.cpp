// The words of enumerations, both ways: one table each.
#include "protocol/words.hpp"

namespace zynclone::protocol {

template <class E>
std::string_view word_of(E value) {
  for (const auto& [candidate, word] : words<E>()) {
    if (candidate == value) return word;
  }
  return "unknown";
}

std::string_view to_string(CloneMode value) { return word_of(value); }
std::string_view to_string(CloneState value) { return word_of(value); }
std::string_view to_string(Consistency value) { return word_of(value); }
std::string_view to_string(CloneNetwork value) { return word_of(value); }
std::string_view to_string(PeripheralKind value) { return word_of(value); }
std::string_view to_string(VifMode value) { return word_of(value); }
std::string_view to_string(OperationState value) { return word_of(value); }
std::string_view to_string(StepState value) { return word_of(value); }
std::string_view to_string(MemberRole value) { return word_of(value); }
std::string_view to_string(AfterProbation value) { return word_of(value); }
std::string_view to_string(CutoverSide value) { return word_of(value); }

bool is_final(OperationState state) {
  return state != OperationState::awaiting_approval && state != OperationState::queued && state != OperationState::running;
}

}  // namespace zynclone::protocol
