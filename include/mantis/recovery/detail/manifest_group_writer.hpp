// SPDX-License-Identifier: BSL-1.0
//
// Writes one group of a manifest, frame by frame, in the memory of one frame.
//
// Invariants:
//   1. the group cannot be whole before end() was called
//   2. after an error nothing more is written
//
// Threads: one.
#pragma once

#include "manifest_place.hpp"

#include "../../platform/platform.hpp"

namespace mantis::detail {

template <platform Platform, checksum_policy Checksum>
class manifest_group_writer {
public:
    using file = typename Platform::file;

    //   Requires    `to` outlives the writer; `group` has what is the same in all frames
    manifest_group_writer(file& to, const manifest_place& from, const manifest_frame& group)
        : file_{&to}, place_{from}, frame_{group} {
        start_frame();
    }

    //   Errors      too_large, no_space, io
    result<void> add(manifest_edit_kind kind, bytes_view edit) {
        if (failed_) return *failed_;
        if (edit.size() > manifest_max_edit_bytes)
            return fail(error{error_code::too_large, "adding an edit to a manifest"}
                            .with("bytes", edit.size())
                            .with("limit", manifest_max_edit_bytes));
        const std::size_t size = manifest_edit_header_bytes + edit.size();
        if (raw_.size() + size > manifest_max_frame_bytes)
            if (auto written = write_frame(); !written) return written;
        append_manifest_edit(raw_, kind, edit);
        ++frame_.edits;
        return success();
    }
    //   Effects     the group is whole, as far as the system remembers
    //   Errors      that of an earlier add(), no_space, io
    result<void> end() {
        if (failed_) return *failed_;
        frame_.last = true;
        return write_frame();
    }

    // Behind what was written.
    [[nodiscard]] const manifest_place& place() const noexcept { return place_; }
    // The last frame may be in the file, in part or in whole.
    [[nodiscard]] bool ended() const noexcept { return frame_.last; }

private:
    void start_frame() {
        raw_.clear();
        raw_.append(manifest_frame_header_bytes, std::byte{0});
        frame_.edits = 0;
    }
    result<void> write_frame() {
        frame_.offset = place_.offset();
        frame_.salt = place_.salt();
        frame_.previous_checksum = place_.chain();
        frame_.number = place_.number();
        const std::size_t payload_bytes = raw_.size() - manifest_frame_header_bytes;
        frame_.checksum = seal_manifest_frame<Checksum>(raw_, frame_);
        if (auto written = file_->write(frame_.offset, raw_); !written)
            return fail(written.error());
        frame_.payload = raw_.view().part(manifest_frame_header_bytes, payload_bytes);
        place_.pass(frame_);
        start_frame();
        return success();
    }
    result<void> fail(error why) {
        failed_ = std::move(why);
        return *failed_;
    }

    file* file_;
    manifest_place place_;
    manifest_frame frame_;  // the open one
    bytes raw_;             // its bytes
    std::optional<error> failed_;
};

}  // namespace mantis::detail
