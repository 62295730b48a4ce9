// SPDX-License-Identifier: BSL-1.0
//
// The superblock and its copy: two files with the same contents, so that damage to one of them
// costs nothing.
//
// Steps of replace_superblocks:
//   1. superblock       is replaced (atomic_replace), and that is durable
//   2. superblock.copy  is replaced, and that is durable
//
//   power failure          superblock     superblock.copy    what the next opening takes
//   before or in step 1    old or new     old                what superblock says
//   before or in step 2    new            old or new         what superblock says
//   and one of the two damaged, at any time: what the other one says
//
// Invariants:
//   1. at any moment both files are whole, as long as nothing but this changes them
//   2. the copy is never newer than the superblock, so which was newer is known where one is lost:
//      the copy holds what was last replaced in full, and nobody relied on more
//   3. a replacement has a generation that no earlier attempt had, failed ones included
//
// Threads: one at a time.
#pragma once

#include "superblock.hpp"

#include "../platform/atomic_replace.hpp"

#include <optional>

namespace mantis {

inline constexpr const char* superblock_copy_name = "superblock.copy";

enum class superblock_condition : std::uint8_t {
    sound,
    behind,      // older than the other one: a crash came while both were replaced
    not_made,    // the copy of a database that never had one, or was just made
    missing,     // it was there, and is gone
    damaged,     // bytes are not those that were written
    unreadable,  // the system refused to read it
};

[[nodiscard]] constexpr const char* name_of(superblock_condition condition) noexcept {
    switch (condition) {
        case superblock_condition::sound: return "sound";
        case superblock_condition::behind: return "behind";
        case superblock_condition::not_made: return "not_made";
        case superblock_condition::missing: return "missing";
        case superblock_condition::damaged: return "damaged";
        case superblock_condition::unreadable: return "unreadable";
    }
    return "unknown";
}

// Something happened to the file that no crash explains.
[[nodiscard]] constexpr bool is_damage(superblock_condition condition) noexcept {
    return condition == superblock_condition::missing ||
           condition == superblock_condition::damaged ||
           condition == superblock_condition::unreadable;
}

struct superblock_pair {
    superblock block;                                          // the newer of those that are whole
    superblock_condition first = superblock_condition::sound;  // of the file `superblock`
    superblock_condition copy = superblock_condition::sound;
    std::optional<error> damage;  // of the one that is damaged, if one is

    // Both files hold the same.
    [[nodiscard]] bool complete() const noexcept {
        return first == superblock_condition::sound && copy == superblock_condition::sound;
    }
};

namespace detail {

template <directory Directory>
[[nodiscard]] result<superblock> read_one_superblock(Directory& in, const char* name) {
    auto raw = read_file(in, name, 64 * KiB);
    if (raw) return decode_superblock(*raw, name);
    if (raw.error().code() != error_code::too_large) return raw.error();
    return error{error_code::corrupt, "reading the superblock"}.about(name).with(
        "bytes", *raw.error().number("bytes"));
}

// Bytes that do not fit are read twice before they are damage.
template <directory Directory>
[[nodiscard]] result<superblock> read_superblock_twice(Directory& in, const char* name) {
    auto block = read_one_superblock(in, name);
    if (block || block.error().code() != error_code::corrupt) return block;
    return read_one_superblock(in, name);
}

//   Requires    failed is not mismatch
[[nodiscard]] inline superblock_condition condition_of(const error& failed) noexcept {
    if (failed.code() == error_code::not_found) return superblock_condition::missing;
    return failed.code() == error_code::corrupt ? superblock_condition::damaged
                                                : superblock_condition::unreadable;
}

[[nodiscard]] inline error lost_superblock(error why, const char* name) {
    if (why.code() != error_code::not_found) return why;
    return error{error_code::corrupt, "reading the superblock: one of its two files is gone"}.about(
        name);
}

[[nodiscard]] inline result<superblock_pair> judge_superblocks(const superblock& first,
                                                               const superblock& copy) {
    if (first.database != copy.database)
        return error{error_code::corrupt,
                     "reading the superblock: its copy belongs to another database"}
            .about(superblock_copy_name)
            .with("offset", 16);
    superblock_pair found;
    found.block = first;
    if (copy.generation > first.generation) {
        found.block = copy;
        found.first = superblock_condition::damaged;
        found.damage =
            error{error_code::corrupt, "reading the superblock: it is older than its copy"}
                .about(superblock_name)
                .with("generation", first.generation)
                .with("copy_generation", copy.generation);
    } else if (encode_superblock(first).view() != encode_superblock(copy).view()) {
        found.copy = superblock_condition::behind;
    }
    return found;
}

}  // namespace detail

//   Returns     what the newer whole file says, and what is wrong with the other one
//   Errors      not_found (neither is there), corrupt (neither is whole, or they are of two
//               databases), mismatch (one is of a newer version), io (the first cannot be read,
//               which may pass; a copy that cannot be read is no error)
template <directory Directory>
[[nodiscard]] result<superblock_pair> read_superblocks(Directory& in) {
    auto first = detail::read_superblock_twice(in, superblock_name);
    if (!first && first.error().code() != error_code::corrupt &&
        first.error().code() != error_code::not_found)
        return first.error();
    auto copy = detail::read_superblock_twice(in, superblock_copy_name);
    if (!copy && copy.error().code() == error_code::mismatch) return copy.error();
    if (first && copy) return detail::judge_superblocks(*first, *copy);
    superblock_pair found;
    if (first) {
        found.block = *first;
        found.copy = detail::condition_of(copy.error());
        const bool never = first->version < 3 || first->generation <= 1;
        if (found.copy == superblock_condition::missing && never)
            found.copy = superblock_condition::not_made;
        else found.damage = detail::lost_superblock(copy.error(), superblock_copy_name);
        return found;
    }
    if (!copy) {
        const bool gone = first.error().code() == error_code::not_found;
        return gone ? copy.error() : first.error();
    }
    found.block = *copy;
    found.first = detail::condition_of(first.error());
    found.damage = detail::lost_superblock(first.error(), superblock_name);
    return found;
}

//   Requires    a generation that no attempt had before; version 3 or later
//   Effects     both files say `next`, and survive power loss; what was wrong with one is repaired
//   Errors      no_space, io: a later opening finds the old contents or the new, never neither
template <directory Directory>
[[nodiscard]] result<void> replace_superblocks(Directory& in, const superblock& next) {
    const bytes raw = encode_superblock(next);
    if (auto done = atomic_replace(in, superblock_name, raw); !done) return done;
    return atomic_replace(in, superblock_copy_name, raw);
}

}  // namespace mantis
