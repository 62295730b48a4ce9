// SPDX-License-Identifier: BSL-1.0
//
// Reads an image (image.hpp) block by block, passes over what is damaged, and says what that was.
//
//   auto reader = image_reader<posix, crc32c>::open(directory, image_name(c), database);
//   image_block block;
//   while (*reader->next(block)) { ... }
//   if (reader->damage()) ...                         // only now is it known
//
// Behind damage the next block is found by its place, which it carries, and by the salt.
//
// Invariants:
//   1. a block is handed out only if its checksum, its place and its salt fit, and its kind is one
//   2. without damage(), every block that was written was handed out, and the footer told so
//   3. bytes that do not fit were read twice before they are damage
//
// Threads: one.
#pragma once

#include "image.hpp"

#include "../platform/platform.hpp"

#include <optional>

namespace mantis {

struct image_block {
    image_block_kind kind = image_block_kind::rows;
    table_id table;
    std::uint32_t count = 0;
    std::uint64_t offset = 0;
    bytes_view payload;  // valid until the next call
};

// Bytes of the file that are no block: [from, to).
struct image_gap {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
};

template <platform Platform, checksum_policy Checksum>
class image_reader {
public:
    using directory = typename Platform::directory;
    using file = typename Platform::file;

    //   Errors      not_found, io; corrupt, mismatch: the header
    static result<image_reader> open(directory& in, bytes_view name, database_id database) {
        auto opened = in.open(name, file_mode::read);
        if (!opened) return opened.error();
        auto size = opened->size();
        if (!size) return size.error();
        image_reader reader{std::move(*opened), *size, name};
        auto header = reader.read_header();
        if (!header && header.error().code() == error_code::corrupt) header = reader.read_header();
        if (!header) return header.error().about(name);
        if (header->database != database)
            return error{error_code::mismatch,
                         "reading a checkpoint's image: it is of another database"}
                .about(name);
        if (header->checksum_format != Checksum::format_id)
            return error{error_code::mismatch,
                         "reading a checkpoint's image: its blocks have another checksum policy"}
                .about(name)
                .with("file_format_id", header->checksum_format)
                .with("format_id", Checksum::format_id);
        if (image_name(header->redo_from) != name)
            return error{error_code::corrupt,
                         "reading a checkpoint's image: its name is that of another one"}
                .about(name)
                .with("lsn", header->redo_from.value);
        // Each takes a byte at least, and whoever loads an image makes room for so many.
        if (header->tables > *size)
            return error{error_code::corrupt,
                         "reading a checkpoint's image: it is too short for its tables"}
                .about(name)
                .with("tables", header->tables)
                .with("bytes", *size);
        reader.header_ = *header;
        return reader;
    }

    //   Returns     true and the next whole block; false at the end of the file
    //   Errors      io: nothing is known of the rest
    [[nodiscard]] result<bool> next(image_block& block) {
        while (at_ < size_) {
            auto taken = take(at_, block);
            if (taken && !*taken) taken = take(at_, block);  // what is read wrong once is whole
            if (!taken) return taken.error();
            if (*taken) {
                at_ += image_block_bytes(block.payload.size());
                note(block);
                return true;
            }
            const std::uint64_t from = at_;
            if (auto found = seek(); !found) return found.error();
            gaps_.push_back({from, at_});
        }
        return false;
    }

    [[nodiscard]] const image_header& header() const noexcept { return header_; }
    // Once next() returned false:
    //   Returns     what is wrong with the image, as far as its blocks tell
    [[nodiscard]] std::optional<error> damage() const {
        constexpr const char* doing = "reading a checkpoint's image: a block is damaged";
        if (!gaps_.empty())
            return error{error_code::corrupt, doing}
                .about(name_)
                .with("offset", gaps_.front().from)
                .with("bytes", gaps_.front().to - gaps_.front().from)
                .with("table", table_before_gap_.value);
        if (footer_ && footer_at_end_ && footer_->blocks == blocks_ && footer_->rows == rows_)
            return std::nullopt;
        return error{error_code::corrupt, "reading a checkpoint's image: it is not whole"}
            .about(name_)
            .with("offset", at_)
            .with("table", table_.value);
    }
    // In order.
    [[nodiscard]] const std::vector<image_gap>& gaps() const noexcept { return gaps_; }
    [[nodiscard]] const std::optional<image_footer>& footer() const noexcept { return footer_; }
    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return at_; }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

private:
    image_reader(file opened, std::uint64_t size, bytes_view name)
        : file_{std::move(opened)}, size_{size}, name_{name} {}

    //   Returns     what there is of `count` bytes
    result<bytes_view> read(std::uint64_t offset, std::uint64_t count) {
        const std::uint64_t left = offset < size_ ? size_ - offset : 0;
        const auto wanted = static_cast<std::size_t>(count < left ? count : left);
        if (raw_.size() < wanted) raw_.resize(wanted);
        auto got = file_.read(offset, raw_.data(), wanted);
        if (!got) return got.error();
        return raw_.view().first(*got);
    }

    result<image_header> read_header() {
        auto raw = read(0, image_header_bytes);
        if (!raw) return raw.error();
        return decode_image_header(*raw);
    }
    [[nodiscard]] bool belongs(const image_block_header& header,
                               std::uint64_t offset) const noexcept {
        const bool known = header.kind == image_block_kind::tables ||
                           header.kind == image_block_kind::rows ||
                           header.kind == image_block_kind::footer;
        return header.offset == offset && header.salt == header_.salt && known;
    }
    //   Returns     whether there is a whole block at `offset`
    result<bool> take(std::uint64_t offset, image_block& block) {
        auto some = read(offset, image_block_header_bytes);
        if (!some) return some.error();
        if (some->size() < image_block_header_bytes) return false;
        image_block_header header = decode_image_block(*some);
        if (!belongs(header, offset)) return false;
        const std::uint64_t size = image_block_bytes(header.payload_bytes);
        if (size > size_ - offset) return false;
        auto whole = read(offset, size);
        if (!whole) return whole.error();
        if (whole->size() < size ||
            load_le<std::uint64_t>(whole->data()) != Checksum::of(whole->from(8)))
            return false;
        header = decode_image_block(*whole);  // of the bytes that the checksum vouches for
        if (!belongs(header, offset) || image_block_bytes(header.payload_bytes) != size)
            return false;
        block = {header.kind, header.table, header.count, offset,
                 whole->part(image_block_header_bytes, header.payload_bytes)};
        return true;
    }

    //   Effects     at_ is the next whole block behind it, or the end of the file
    result<void> seek() {
        constexpr std::uint64_t step = 64 * KiB;
        bytes piece;
        for (std::uint64_t at = at_ + image_alignment; at < size_;) {
            auto raw = read(at, step + image_block_header_bytes);
            if (!raw) return raw.error();
            piece.assign(*raw);
            const std::uint64_t begun = at;
            for (; at - begun + image_block_header_bytes <= piece.size() && at - begun < step;
                 at += image_alignment) {
                const auto inside = static_cast<std::size_t>(at - begun);
                if (load_le<std::uint64_t>(piece.data() + inside + 8) != at) continue;
                image_block block;
                auto whole = take(at, block);
                if (!whole) return whole.error();
                if (*whole) return found(at);
            }
            if (piece.size() < step + image_block_header_bytes) break;
        }
        return found(size_);
    }
    result<void> found(std::uint64_t at) noexcept {
        if (gaps_.empty()) table_before_gap_ = table_;
        at_ = at;
        return success();
    }

    void note(const image_block& block) {
        footer_at_end_ = block.kind == image_block_kind::footer && at_ == size_;
        table_ = block.kind == image_block_kind::rows ? block.table : table_;
        if (block.kind == image_block_kind::rows) rows_ += block.count;
        if (block.kind != image_block_kind::footer) ++blocks_;
        image_footer told;
        if (block.kind == image_block_kind::footer &&
            read_image_footer(block.payload, header_.tables, told))
            footer_ = std::move(told);
    }

    file file_;
    std::uint64_t size_;
    bytes name_;
    image_header header_;
    bytes raw_;
    std::uint64_t at_ = image_header_bytes;
    std::uint64_t blocks_ = 0;
    std::uint64_t rows_ = 0;
    table_id table_;
    table_id table_before_gap_;
    std::vector<image_gap> gaps_;
    std::optional<image_footer> footer_;
    bool footer_at_end_ = false;
};

}  // namespace mantis
