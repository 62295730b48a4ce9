// SPDX-License-Identifier: BSL-1.0
//
// Classes of trouble. A plan of a class meets it in nearly every round, and little else; a run of a
// class must have met it, or it has tested nothing.
//
//   crash-loop           ten crashes in a row, most of them inside of an opening
//   full-disk            the disk is full in the middle of a round, by its limit or at once
//   memory-limit         the tables may take less than is put
//   failed-sync-keeps    a sync fails; its changes wait for the next,
//   failed-sync-forgets  ... are seen and never written,
//   failed-sync-reverts  ... are gone at once
//   bit-rot              bits turn, at rest or while they are read
//   rotation             segments as small as can be, some of which cannot be made
#pragma once

#include "life.hpp"

namespace simulate {

struct fault_class {
    const char* name;
    // Makes a drawn plan one of the class.
    void (*force)(plan& of, dice& roll);
    // How often the trouble struck.
    std::uint64_t (*injected)(const outcome& what);
    // The points that all the lives of a component together must reach.
    std::vector<std::string> must_reach;
};

[[nodiscard]] const std::vector<fault_class>& fault_classes();
//   Returns     nullptr if there is none of that name
[[nodiscard]] const fault_class* find_class(const std::string& name);
// A log alone has no limit of memory.
[[nodiscard]] bool applies(const fault_class& which, const std::string& component);
[[nodiscard]] plan draw_plan(std::uint64_t seed, const std::string& component,
                             const fault_class& which);

}  // namespace simulate
