// SPDX-License-Identifier: BSL-1.0
//
// The manifest: one file to which edits are appended in groups, the only truth about what a
// checkpoint consists of. It does not know what its edits mean.
//
//   auto opened = manifest<posix, crc32c>::open(world, directory, database, at_least,
//                                               [&](const manifest_edit& edit) { ... });
//   opened->append(epoch, c, [&](auto& to) { return to.add(manifest_edit_kind::root, bytes); });
//   if (opened->rewrite_due()) opened->rewrite([&](auto& to) { ... });  // adds the whole state
//
// append():
//   1. the frames of the group are written behind the last one    error: step 1a
//   2. the file is synced                                         error: unknown_outcome, read_only
//   1a. if the last frame may be in the file, the first block of the group is zeroed, and that is
//       synced (error: unknown_outcome, read_only); then the file is cut. The group is not there
//
// rewrite(), and create() but for the removal:
//   1. generation N+1 is written as N+1.tmp and synced        error: it is removed, all as it was
//   2. it is renamed to N+1, and the directory synced         error: read_only
//   3. N is removed, and the directory synced                 error: read_only
// While both are there they say the same, and nothing is appended to either.
//
// open():
//   1. the file is chosen (detail/manifest_choice.hpp) and verified; its edits are handed out
//   2. a torn group is zeroed and cut; the last group is written again if `at_least` does not vouch
//      for it: a system may have forgotten, after a failed sync, that it is not on the disk. Synced
//   3. the directory is synced; what is left over is removed, and the directory synced again
//
// Invariants:
//   1. a group for which append() answered success is there at every later opening, whole
//   2. one for which it answered another error than unknown_outcome is there at none
//   3. a failed sync is never repeated: nothing is written afterwards
//   4. no file has the name of a manifest before its snapshot is durable
//
// Only the caller can tell that the last group was durable once and is damaged now: it keeps
// sequence() elsewhere, after append() or open(), and opens with that as `at_least`.
//
// Threads: one at a time.
#pragma once

#include "detail/manifest_choice.hpp"
#include "detail/manifest_group_writer.hpp"

namespace mantis {

// What the producer of a group adds its edits to.
template <platform Platform, checksum_policy Checksum>
class manifest_edits {
public:
    using writer = detail::manifest_group_writer<Platform, Checksum>;

    //   Requires    called by class manifest
    explicit manifest_edits(writer& to) noexcept : to_{&to} {}

    // Any number of edits makes a group. After an error the group fails with it.
    //   Requires    edit.size() <= manifest_max_edit_bytes
    //   Errors      too_large, no_space, io
    [[nodiscard]] result<void> add(manifest_edit_kind kind, bytes_view edit) {
        return to_->add(kind, edit);
    }

private:
    writer* to_;
};

// Reads a manifest and changes nothing on the disk.
//   Requires    nobody changes it meanwhile
//   Effects     take(const manifest_edit&), a result<void>, is called for each edit of all whole
//               groups, in order
//   Errors      not_found: there is none, and at_least is 0
//               corrupt: damaged in front of the last whole group, or that is not `at_least`
//               mismatch: another database's, of a newer version, or of another checksum policy
//               io, also where each time it reads differently; that of take()
template <platform Platform, checksum_policy Checksum, class Take>
[[nodiscard]] result<manifest_state> read_manifest(typename Platform::directory& in,
                                                   database_id database, std::uint64_t at_least,
                                                   Take take) {
    auto chosen = detail::choose_manifest<Platform, Checksum>(in, database, at_least);
    if (!chosen) return chosen.error();
    if (auto taken = chosen->reader.hand_out(take); !taken) return taken.error();
    return chosen->reader.state();
}

template <platform Platform, checksum_policy Checksum>
class manifest {
public:
    using directory = typename Platform::directory;
    using edits = manifest_edits<Platform, Checksum>;

    static constexpr std::uint64_t rewrite_from_bytes = 1 * MiB;

    //   Requires    `in` outlives the manifest, and is locked by the caller
    //   Effects     generation 1, whose snapshot has sequence 1; produce(edits&), a result<void>,
    //               adds the whole state
    //   Errors      already_exists (also a damaged one), that of produce(), no_space; io: it may be
    //               there all the same, and then open() takes it
    template <class Produce>
    [[nodiscard]] static result<manifest> create(Platform world, directory& in,
                                                 database_id database, std::uint64_t epoch,
                                                 lsn checkpoint, Produce produce) {
        auto names = detail::find_manifests(in);
        if (!names) return names.error();
        if (names->newest != 0)
            return error{error_code::already_exists, "making a manifest"}.about(
                manifest_name(names->newest));
        manifest made{std::move(world), in, database};
        made.state_.sequence = 1;
        made.state_.epoch = epoch;
        made.state_.checkpoint = checkpoint;
        if (auto written = made.write_generation(1, produce); !written) return written.error();
        if (auto named = made.name_generation(1); !named) return named.error();
        return made;
    }

    //   Requires    `in` outlives the manifest, and is locked by the caller
    //   Effects     take(const manifest_edit&), a result<void>, is called for each edit of all
    //               whole groups, in order. What it was told counts when open() has succeeded
    //   Errors      as read_manifest(), and no_space; nothing was changed but perhaps step 2 or 3
    //               done in part, which the next opening finishes
    template <class Take>
    [[nodiscard]] static result<manifest> open(Platform world, directory& in, database_id database,
                                               std::uint64_t at_least, Take take) {
        auto chosen = detail::choose_manifest<Platform, Checksum>(in, database, at_least);
        if (!chosen) return chosen.error();
        if (auto taken = chosen->reader.hand_out(take); !taken) return taken.error();
        manifest opened{std::move(world), in, database};
        opened.state_ = chosen->reader.state();
        opened.end_ = chosen->reader.end();
        if (auto settled = opened.settle(*chosen, at_least); !settled) return settled.error();
        return opened;
    }

    //   Effects     produce(edits&), a result<void>, adds the edits of one group, which is durable
    //   Errors      unknown_outcome: it may or may not be there; opening the manifest again tells,
    //               and until then it is read_only
    //               all else: it is not there, and will not be. no_space, io, that of produce(),
    //               read_only (a sync failed before)
    template <class Produce>
    [[nodiscard]] result<void> append(std::uint64_t epoch, lsn checkpoint, Produce produce) {
        if (read_only_) return refusal();
        manifest_frame group;
        group.attempt = world_.random();
        group.sequence = state_.sequence + 1;
        group.epoch = epoch;
        group.checkpoint = checkpoint;
        writer to{*file_, end_, group};
        if (auto written = write_group(to, produce); !written) return take_back(to, written);
        if (auto synced = file_->sync(); !synced) {
            read_only_ = true;
            return unknown(synced.error());
        }
        end_ = to.place();
        state_.sequence = group.sequence;
        state_.epoch = epoch;
        state_.checkpoint = checkpoint;
        state_.bytes = end_.offset();
        return success();
    }

    //   Effects     a new generation takes the place of this one: produce(edits&), a result<void>,
    //               adds the whole state, as it is after the last group. The sequence stays
    //   Errors      read_only; no_space, io, that of produce(): all is as it was; but if
    //               read_only() then, both generations may be there, of which the next opening
    //               takes either
    template <class Produce>
    [[nodiscard]] result<void> rewrite(Produce produce) {
        if (read_only_) return refusal();
        const std::uint64_t before = state_.generation;
        if (before == manifest_max_generation)
            return error{error_code::too_large, "rewriting a manifest: no generation is left"}.with(
                "generation", before);
        if (auto written = write_generation(before + 1, produce); !written) return written;
        auto turned = name_generation(before + 1);
        if (turned) turned = remove_for_certain(manifest_name(before));
        if (!turned) read_only_ = true;
        return turned;
    }
    //   Returns     whether the file is more than twice its snapshot, and worth the work
    [[nodiscard]] bool rewrite_due() const noexcept {
        return state_.bytes > 2 * state_.snapshot_bytes && state_.bytes >= rewrite_from_bytes;
    }

    [[nodiscard]] const manifest_state& state() const noexcept { return state_; }
    // Of the last group that is durable.
    [[nodiscard]] std::uint64_t sequence() const noexcept { return state_.sequence; }
    // A sync has failed, or a rewriting half way; only opening the manifest again helps.
    [[nodiscard]] bool read_only() const noexcept { return read_only_; }

private:
    using file = typename Platform::file;
    using writer = detail::manifest_group_writer<Platform, Checksum>;
    using place = detail::manifest_place;

    manifest(Platform world, directory& in, database_id database)
        : world_{std::move(world)}, directory_{&in}, database_{database} {}

    template <class Produce>
    static result<void> write_group(writer& to, Produce& produce) {
        edits sink{to};
        if (result<void> produced = produce(sink); !produced) return produced;
        return to.end();
    }

    // Step 1a of append().
    result<void> take_back(const writer& to, result<void> why) {
        const std::uint64_t end = end_.offset();
        if (to.ended()) {
            if (auto gone = make_torn(end); !gone) {
                read_only_ = true;
                return unknown(why.error());
            }
        }
        (void)file_->resize(end);  // what is left behind the last group counts for nothing
        return why;
    }
    // The group that begins there cannot be whole any more, also not if a power failure brings back
    // bytes that were cut off, and zeros behind them, as it may while the file grows again.
    result<void> make_torn(std::uint64_t begin) {
        auto size = file_->size();
        if (!size) return size.error();
        if (*size <= begin) return success();
        const std::uint64_t there = *size - begin;
        const std::uint64_t count = there < manifest_block_bytes ? there : manifest_block_bytes;
        const bytes zeros = bytes::zeros(static_cast<std::size_t>(count));
        if (auto zeroed = file_->write(begin, zeros); !zeroed) return zeroed;
        return file_->sync();
    }

    // Step 1 of rewrite().
    template <class Produce>
    result<void> write_generation(std::uint64_t generation, Produce& produce) {
        const bytes name = manifest_passing_name(generation);
        (void)directory_->remove(name);  // of an earlier attempt
        auto written = write_snapshot(name, generation, produce);
        if (!written) (void)directory_->remove(name);
        return written;
    }
    template <class Produce>
    result<void> write_snapshot(bytes_view name, std::uint64_t generation, Produce& produce) {
        auto made = directory_->open(name, file_mode::create);
        if (!made) return made.error();
        if (auto emptied = made->resize(0); !emptied) return emptied;
        const bytes header = encode_manifest_header(
            {manifest_version, Checksum::format_id, database_, generation, world_.random()});
        if (auto written = made->write(0, header); !written) return written;
        manifest_frame group;
        group.attempt = world_.random();
        group.sequence = state_.sequence;
        group.epoch = state_.epoch;
        group.checkpoint = state_.checkpoint;
        group.snapshot = true;
        writer to{*made, place{decode_manifest_header(header).value()}, group};
        if (auto written = write_group(to, produce); !written) return written;
        if (auto synced = made->sync(); !synced) return synced;
        next_ = to.place();
        return success();
    }
    // Step 2 of rewrite().
    //   Requires    write_generation(generation) succeeded
    result<void> name_generation(std::uint64_t generation) {
        const bytes name = manifest_name(generation);
        file_.reset();
        if (auto named = directory_->rename(manifest_passing_name(generation), name); !named)
            return named;
        if (auto synced = directory_->sync(); !synced) return synced;
        auto opened = directory_->open(name, file_mode::write);
        if (!opened) return opened.error();
        file_ = std::move(*opened);
        end_ = next_;
        state_.generation = generation;
        state_.bytes = state_.snapshot_bytes = end_.offset();
        state_.torn_bytes = 0;
        return success();
    }
    result<void> remove_for_certain(bytes_view name) {
        auto removed = directory_->remove(name);
        if (!removed && removed.error().code() != error_code::not_found) return removed;
        return directory_->sync();
    }

    // Steps 2 and 3 of open().
    result<void> settle(detail::manifest_choice<Platform, Checksum>& chosen,
                        std::uint64_t at_least) {
        auto opened = directory_->open(chosen.reader.name(), file_mode::write);
        if (!opened) return opened.error();
        file_ = std::move(*opened);
        if (state_.torn_bytes != 0) {
            if (auto gone = make_torn(state_.bytes); !gone) return gone;
            if (auto cut = file_->resize(state_.bytes); !cut) return cut;
        }
        // A snapshot was durable before the file got its name.
        if (state_.sequence > at_least && !chosen.reader.ends_in_snapshot())
            if (auto written = chosen.reader.write_last_again(*file_); !written) return written;
        if (auto synced = file_->sync(); !synced) return synced;
        if (auto synced = directory_->sync(); !synced) return synced;
        for (const bytes& each : chosen.leftovers)
            if (auto removed = directory_->remove(each); !removed) return removed;
        return chosen.leftovers.empty() ? success() : directory_->sync();
    }

    [[nodiscard]] error unknown(const error& why) const {
        error told{error_code::unknown_outcome,
                   "appending to a manifest: a write or sync failed, and nobody knows how far"};
        told.about(why.subject()).with("sequence", state_.sequence + 1);
        if (const std::uint64_t* const number = why.number("errno")) told.with("errno", *number);
        return told;
    }
    [[nodiscard]] error refusal() const {
        return error{error_code::read_only, "changing a manifest: an earlier sync failed"}.about(
            manifest_name(state_.generation));
    }

    Platform world_;
    directory* directory_;
    database_id database_;
    std::optional<file> file_;  // none while a generation is being named
    place end_;                 // behind the last group
    place next_;                // behind the snapshot that was written last
    manifest_state state_;
    bool read_only_ = false;
};

}  // namespace mantis
