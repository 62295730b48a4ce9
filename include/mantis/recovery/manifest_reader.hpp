// SPDX-License-Identifier: BSL-1.0
//
// Reads one file of a manifest (manifest_format.hpp): first all of it, to know which groups are
// whole, then again to hand out their edits. It takes the memory of a few frames, however large a
// group is.
//
// What lies behind the last whole group is a torn group, as a crash in an append leaves it, unless
// something proves that the group in question was durable once; a group is begun only when the one
// before is:
//   - a frame of a later group
//   - the first frame of the next group that follows another last group than is there
//   - there is no whole snapshot: the file got its name when that was durable
// That the last group was damaged which nothing follows, this file cannot tell: who knows up to
// which sequence groups were durable compares.
//
// Invariants:
//   1. an edit is handed out only if its frame is whole and follows the one before, at that moment,
//      and its group was found whole
//   2. bytes that do not fit were read twice before they are torn or damaged, and read the same
//
// Threads: one.
#pragma once

#include "detail/manifest_place.hpp"

#include "../platform/platform.hpp"
#include "../wal/detail/segment_window.hpp"

namespace mantis {

struct manifest_edit {
    manifest_edit_kind kind;
    bytes_view value;  // valid until the callback returns
    std::uint64_t sequence = 0;
    std::uint64_t epoch = 0;
    lsn checkpoint = {};
    bool snapshot = false;
};

// What a manifest says as a whole.
struct manifest_state {
    std::uint64_t generation = 0;
    std::uint64_t sequence = 0;        // of the last group
    std::uint64_t epoch = 0;           // of the last group
    lsn checkpoint = {};               // of the last group
    std::uint64_t bytes = 0;           // of the file, as far as they count
    std::uint64_t snapshot_bytes = 0;  // of them in front of the second group
    std::uint64_t torn_bytes = 0;      // behind them, when it was read
};

template <platform Platform, checksum_policy Checksum>
class manifest_reader {
public:
    using directory = typename Platform::directory;
    using file = typename Platform::file;

    //   Errors      not_found, io; corrupt, mismatch: the header, or it is another database's
    static result<manifest_reader> open(directory& in, std::uint64_t generation,
                                        database_id database) {
        const bytes name = manifest_name(generation);
        auto window = window_type::open(in, name, window_bytes,
                                        "reading a manifest: it is shorter than its size");
        if (!window) return window.error();
        manifest_reader reader{std::move(*window), generation};
        auto header = reader.read_header();
        if (!header && header.error().code() == error_code::corrupt) header = reader.read_header();
        if (!header) return header.error().about(name);
        if (header->database != database)
            return error{error_code::mismatch, "reading a manifest: it is of another database"}
                .about(name);
        if (header->checksum_format != Checksum::format_id)
            return error{error_code::mismatch,
                         "reading a manifest: its frames have another checksum policy"}
                .about(name)
                .with("file_format_id", header->checksum_format)
                .with("format_id", Checksum::format_id);
        if (header->generation != generation)
            return error{error_code::corrupt,
                         "reading a manifest: its name is that of another generation"}
                .about(name)
                .with("generation", header->generation);
        reader.header_ = *header;
        reader.end_ = reader.last_ = place{*header};
        return reader;
    }

    //   Effects     state() is known
    //   Errors      corrupt (with `offset` and `sequence`: what should be there); io, also where
    //               each time it reads differently
    [[nodiscard]] result<void> verify() {
        return verify([](std::uint64_t) { return true; });
    }
    //   Effects     go(offset) is called before each frame is read
    //   Errors      besides: interrupted: go() answered false
    template <class Go>
    [[nodiscard]] result<void> verify(Go go) {
        place at{header_};
        while (true) {
            if (!go(at.offset())) return error{error_code::interrupted, "reading a manifest"};
            auto frame = frame_at(at);
            if (!frame) return frame.error();
            if (!*frame) return judge_rest(at);
            at.pass(**frame);
            if ((*frame)->last) note_group(**frame, at);
        }
    }

    //   Requires    verify() succeeded
    //   Effects     take(const manifest_edit&), a result<void>, is called for each edit in order
    //   Errors      that of take(); io, also where it reads differently now
    template <class Take>
    [[nodiscard]] result<void> hand_out(Take take) {
        for (place at{header_}; at.offset() < end_.offset();) {
            auto frame = frame_at(at);
            if (!frame) return frame.error();
            if (!*frame) return reads_differently(at);
            if (auto taken = hand_out_frame(**frame, take); !taken) return taken;
            at.pass(**frame);
        }
        return success();
    }

    //   Requires    verify() succeeded
    //   Effects     the bytes of the last group are written to where they lie
    //   Errors      io, no_space
    [[nodiscard]] result<void> write_last_again(file& to) {
        for (place at = last_; at.offset() < end_.offset();) {
            auto frame = frame_at(at);
            if (!frame) return frame.error();
            if (!*frame) return reads_differently(at);
            const std::uint64_t size = (*frame)->end() - at.offset();
            const bytes_view raw = window_.held(at.offset()).first(static_cast<std::size_t>(size));
            if (auto written = to.write(at.offset(), raw); !written) return written;
            at.pass(**frame);
        }
        return success();
    }

    [[nodiscard]] bytes_view name() const noexcept { return window_.name(); }
    [[nodiscard]] const manifest_state& state() const noexcept { return state_; }
    // Behind the last whole group.
    [[nodiscard]] const detail::manifest_place& end() const noexcept { return end_; }
    // Also where verify() failed.
    [[nodiscard]] bool has_snapshot() const noexcept { return end_.sequence() != 0; }
    [[nodiscard]] bool ends_in_snapshot() const noexcept {
        return state_.bytes == state_.snapshot_bytes;
    }
    // The highest sequence that a whole frame proves to have been begun; also where verify()
    // failed.
    [[nodiscard]] std::uint64_t begun() const noexcept { return begun_; }

private:
    using place = detail::manifest_place;
    using window_type = detail::segment_window<Platform>;
    using found_frame = result<std::optional<manifest_frame>>;

    static constexpr std::size_t window_bytes = manifest_max_frame_bytes;

    // What lies behind the last whole group, at a glance.
    struct glance {
        std::uint64_t digest = 0;
        std::uint64_t begun = 0;  // the highest sequence of a whole frame
        bool proves_more = false;
        bool goes_on = false;  // the frame is whole that was not
    };

    manifest_reader(window_type window, std::uint64_t generation) : window_{std::move(window)} {
        state_.generation = generation;
    }

    result<manifest_header> read_header() {
        window_.forget(0);
        auto raw = window_.read(0, manifest_header_bytes);
        if (!raw) return raw.error();
        return decode_manifest_header(
            raw->size() < manifest_header_bytes ? *raw : raw->first(manifest_header_bytes));
    }

    // The frame that is whole by itself, wherever it belongs.
    found_frame any_frame_at(std::uint64_t offset) {
        auto head = window_.read(offset, manifest_block_bytes);
        if (!head) return head.error();
        if (head->size() < manifest_block_bytes) return std::optional<manifest_frame>{};
        const std::uint64_t size = manifest_frame_here(*head, offset, header_.salt);
        if (size == 0 || size > window_.size() - offset) return std::optional<manifest_frame>{};
        auto raw = window_.read(offset, size);
        if (!raw) return raw.error();
        if (raw->size() < size) return std::optional<manifest_frame>{};
        return decode_manifest_frame<Checksum>(raw->first(static_cast<std::size_t>(size)));
    }
    // The frame that belongs here, if it is whole in one of two readings.
    found_frame frame_at(const place& at) {
        for (int reads = 0; reads < 2; ++reads) {
            if (reads != 0) window_.forget(at.offset());
            auto frame = any_frame_at(at.offset());
            if (!frame) return frame;
            if (*frame && at.fits(**frame)) return frame;
        }
        return std::optional<manifest_frame>{};
    }

    void note_group(const manifest_frame& last, const place& behind) noexcept {
        last_ = end_;
        end_ = behind;
        state_.sequence = begun_ = last.sequence;
        state_.epoch = last.epoch;
        state_.checkpoint = last.checkpoint;
        state_.bytes = behind.offset();
        if (last.snapshot) state_.snapshot_bytes = behind.offset();
    }

    //   Requires    no frame that fits is at `stopped`
    result<void> judge_rest(const place& stopped) {
        auto first = look_at_rest(stopped);
        if (!first) return first.error();
        auto second = look_at_rest(stopped);
        if (!second) return second.error();
        if (first->digest != second->digest || first->goes_on || second->goes_on)
            return reads_differently(stopped);
        if (first->begun > begun_) begun_ = first->begun;
        if (first->proves_more || !has_snapshot())
            return error{error_code::corrupt, "reading a manifest"}
                .about(name())
                .with("offset", stopped.offset())
                .with("sequence", end_.sequence() + 1)
                .with("begun", begun_);
        state_.torn_bytes = window_.size() - end_.offset();
        return success();
    }

    //   Effects     all behind the last whole group is read anew
    result<glance> look_at_rest(const place& stopped) {
        glance found;
        window_.forget(end_.offset());
        for (std::uint64_t at = end_.offset(); at < window_.size(); at += manifest_block_bytes) {
            auto raw = window_.read(at, manifest_block_bytes);
            if (!raw) return raw.error();
            const bool whole = raw->size() >= manifest_block_bytes;
            found.digest =
                Checksum::of(whole ? raw->first(manifest_block_bytes) : *raw, found.digest);
            auto frame = any_frame_at(at);
            if (!frame) return frame.error();
            if (!*frame) continue;
            if ((*frame)->sequence > found.begun) found.begun = (*frame)->sequence;
            if (at == stopped.offset() && stopped.fits(**frame)) found.goes_on = true;
            if (proves_more(**frame)) found.proves_more = true;
        }
        return found;
    }
    // The frame was written when the group behind the last whole one was durable, or after another
    // last whole one.
    [[nodiscard]] bool proves_more(const manifest_frame& frame) const noexcept {
        const std::uint64_t next = end_.sequence() + 1;
        return frame.sequence > next ||
               (frame.sequence == next && frame.number == 0 && frame.offset == end_.offset() &&
                frame.previous_checksum != end_.chain());
    }

    template <class Take>
    static result<void> hand_out_frame(const manifest_frame& frame, Take& take) {
        byte_reader from{frame.payload};
        manifest_edit edit{{}, {}, frame.sequence, frame.epoch, frame.checkpoint, frame.snapshot};
        while (!from.empty() && read_manifest_edit(from, edit.kind, edit.value)) {
            result<void> taken = take(static_cast<const manifest_edit&>(edit));
            if (!taken) return taken;
        }
        return success();
    }

    [[nodiscard]] error reads_differently(const place& at) const {
        return error{error_code::io, "reading a manifest: each time it reads differently"}
            .about(name())
            .with("offset", at.offset());
    }

    window_type window_;
    manifest_header header_;
    place end_;   // behind the last whole group
    place last_;  // in front of it
    manifest_state state_;
    std::uint64_t begun_ = 0;
};

}  // namespace mantis
