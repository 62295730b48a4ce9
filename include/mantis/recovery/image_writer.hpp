// SPDX-License-Identifier: BSL-1.0
//
// Writes an image (image.hpp) under a passing name, and gives it its own once it is whole.
//
//   begun --add_table(), add_row()--> begun --finish()--> whole --publish()--> published
//     any of them failed, or the writer ends before publish(): the file is removed
//
// Invariants:
//   1. no file has the name of an image before everything in it is durable
//   2. an image of that name that is there is replaced as a whole, or stays
//
// Threads: one.
#pragma once

#include "image.hpp"

#include "../platform/platform.hpp"

#include <optional>

namespace mantis {

template <platform Platform, checksum_policy Checksum>
class image_writer {
public:
    using directory = typename Platform::directory;

    // So much is left for one sync at most: a sync of the log that comes between waits for less.
    static constexpr std::uint64_t sync_every_bytes = 8 * MiB;

    //   Requires    `in` outlives the writer
    image_writer(directory& in, const image_header& header)
        : directory_{&in}, header_{header}, name_{image_name(header.redo_from)} {
        header_.checksum_format = Checksum::format_id;
        temporary_ = name_;
        temporary_.append(".tmp");
    }
    image_writer(const image_writer&) = delete;
    image_writer& operator=(const image_writer&) = delete;
    ~image_writer() { abandon(); }

    //   Effects     the file is there, with its header and the list of the tables
    //   Errors      no_space, io
    [[nodiscard]] result<void> begin(const std::vector<image_table>& tables) {
        (void)directory_->remove(temporary_);  // of a checkpoint that a crash ended
        auto made = directory_->open(temporary_, file_mode::create);
        if (!made) return made.error();
        file_.emplace(std::move(*made));
        if (auto emptied = file_->resize(0); !emptied) return emptied;
        if (auto written = write(encode_image_header(header_)); !written) return written;
        start_block();
        append_image_tables(block_, tables);
        return end_block(image_block_kind::tables, {}, static_cast<std::uint32_t>(tables.size()));
    }

    //   Requires    begun; tables come in the order of their ids, rows of a table in that of keys
    //   Errors      no_space, io
    [[nodiscard]] result<void> add_row(table_id table, const image_row& row) {
        if (table != table_ || block_.size() >= image_block_target_bytes)
            if (auto ended = end_rows(); !ended) return ended;
        if (rows_in_block_ == 0) start_block();
        table_ = table;
        append_image_row(block_, row);
        ++rows_in_block_;
        ++footer_.rows;
        return success();
    }

    //   Requires    begun; everything before `log_needed` is durable, and no row is newer
    //   Effects     the image is whole and durable, under its passing name
    [[nodiscard]] result<void> finish(lsn log_needed, nanoseconds last_time,
                                      std::vector<image_table> tables) {
        if (auto ended = end_rows(); !ended) return ended;
        footer_.log_needed = log_needed;
        footer_.last_time = last_time;
        footer_.blocks = blocks_;
        footer_.tables = std::move(tables);
        start_block();
        append_image_footer(block_, footer_);
        const auto count = static_cast<std::uint32_t>(footer_.tables.size());
        if (auto ended = end_block(image_block_kind::footer, {}, count); !ended) return ended;
        return file_->sync();
    }

    //   Requires    finish() succeeded
    //   Effects     the image has its name; a power failure may take it away until the directory is
    //               synced
    [[nodiscard]] result<void> publish() {
        file_.reset();
        auto renamed = directory_->rename(temporary_, name_);
        if (!renamed) (void)directory_->remove(temporary_);
        return renamed;
    }

    [[nodiscard]] bytes_view name() const noexcept { return name_; }
    [[nodiscard]] std::uint64_t rows() const noexcept { return footer_.rows; }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

private:
    void abandon() {
        if (!file_) return;
        file_.reset();
        (void)directory_->remove(temporary_);
    }

    void start_block() {
        block_.clear();
        block_.resize(image_block_header_bytes);
    }
    result<void> end_rows() {
        if (rows_in_block_ == 0) return success();
        const std::uint32_t rows = rows_in_block_;
        rows_in_block_ = 0;
        return end_block(image_block_kind::rows, table_, rows);
    }
    result<void> end_block(image_block_kind kind, table_id table, std::uint32_t count) {
        seal_image_block<Checksum>(block_, {size_, header_.salt, table, 0, count, kind});
        ++blocks_;
        auto written = write(block_);
        block_.clear();
        if (block_.capacity() > 4 * image_block_target_bytes) block_ = bytes{};  // of a large row
        return written;
    }
    result<void> write(bytes_view raw) {
        if (auto written = file_->write(size_, raw); !written) return written;
        size_ += raw.size();
        if (size_ - synced_ < sync_every_bytes) return success();
        synced_ = size_;
        return file_->sync();
    }

    directory* directory_;
    image_header header_;
    bytes name_;
    bytes temporary_;
    std::optional<typename Platform::file> file_;  // none before begin() and after the end
    bytes block_;
    table_id table_;
    std::uint32_t rows_in_block_ = 0;
    std::uint64_t blocks_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t synced_ = 0;
    image_footer footer_;
};

}  // namespace mantis
