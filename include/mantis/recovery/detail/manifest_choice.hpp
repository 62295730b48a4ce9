// SPDX-License-Identifier: BSL-1.0
//
// Which file of a directory is the manifest, and which are what a crash left of others.
//
//   files there          what counts
//   N                    N
//   N and N.tmp, or      N; a rewriting was begun
//   N and N+1.tmp
//   N and N+1            N+1; a rewriting had all but ended: both say the same, for nothing is
//                        appended to N+1 before N is gone for certain. So N, if the snapshot of
//                        N+1 is damaged and nothing proves that something was appended to it
//   none but N.tmp       none; the first one was begun
//
// Any older one is left over too. Names that are none of these mean nothing.
//
// Threads: one.
#pragma once

#include "../manifest_reader.hpp"

#include <vector>

namespace mantis::detail {

template <platform Platform, checksum_policy Checksum>
struct manifest_choice {
    manifest_reader<Platform, Checksum> reader;  // verified
    std::vector<bytes> leftovers;                // to be removed
};

struct manifest_names {
    std::uint64_t newest = 0;  // 0: there is none
    std::vector<bytes> older;
    std::vector<bytes> passing;
};

template <directory Directory>
[[nodiscard]] result<manifest_names> find_manifests(Directory& in) {
    auto names = in.list();
    if (!names) return names.error();
    manifest_names found;
    for (const bytes& name : *names) {
        const std::uint64_t generation = parse_manifest_name(name);
        if (generation > found.newest) found.newest = generation;
        if (is_manifest_passing_name(name)) found.passing.push_back(name);
    }
    for (const bytes& name : *names) {
        const std::uint64_t generation = parse_manifest_name(name);
        if (generation != 0 && generation != found.newest) found.older.push_back(name);
    }
    return found;
}

//   Returns     a reader that has verified the file
//   Errors      those of the reader. `snapshot_lost` is set where the snapshot is not whole, and
//               nothing proves more groups than up to `begun`
template <platform Platform, checksum_policy Checksum>
[[nodiscard]] result<manifest_reader<Platform, Checksum>> verified_manifest(
    typename Platform::directory& in, std::uint64_t generation, database_id database,
    bool& snapshot_lost, std::uint64_t& begun) {
    auto reader = manifest_reader<Platform, Checksum>::open(in, generation, database);
    if (!reader) {
        snapshot_lost = reader.error().code() == error_code::corrupt;
        return reader;
    }
    auto done = reader->verify();
    if (done) return reader;
    snapshot_lost = done.error().code() == error_code::corrupt && !reader->has_snapshot();
    begun = reader->begun();
    return done.error();
}

//   Effects     reads only
//   Errors      not_found (there is none, and at_least is 0); corrupt: damage, or it ends before
//               the group `at_least`; mismatch, io
template <platform Platform, checksum_policy Checksum>
[[nodiscard]] result<manifest_choice<Platform, Checksum>> choose_manifest(
    typename Platform::directory& in, database_id database, std::uint64_t at_least) {
    auto names = find_manifests(in);
    if (!names) return names.error();
    if (names->newest == 0)
        return error{at_least == 0 ? error_code::not_found : error_code::corrupt,
                     "opening a manifest: there is none"}
            .about(in.path())
            .with("at_least", at_least);
    bool snapshot_lost = false;
    std::uint64_t begun = 0;
    auto reader =
        verified_manifest<Platform, Checksum>(in, names->newest, database, snapshot_lost, begun);
    std::vector<bytes> leftovers = std::move(names->passing);
    for (bytes& each : names->older) leftovers.push_back(std::move(each));
    if (!reader && snapshot_lost) {
        bool both_lost = false;
        std::uint64_t none = 0;
        auto before =
            verified_manifest<Platform, Checksum>(in, names->newest - 1, database, both_lost, none);
        if (!before || before->state().sequence < begun) return reader.error();
        for (bytes& each : leftovers)
            if (each == before->name()) each = manifest_name(names->newest);
        reader = std::move(before);
    }
    if (!reader) return reader.error();
    const manifest_state& found = reader->state();
    if (found.sequence < at_least)
        return error{error_code::corrupt,
                     "opening a manifest: a group that was durable is damaged or missing"}
            .about(reader->name())
            .with("offset", found.bytes)
            .with("sequence", found.sequence + 1)
            .with("at_least", at_least);
    return manifest_choice<Platform, Checksum>{std::move(*reader), std::move(leftovers)};
}

}  // namespace mantis::detail
