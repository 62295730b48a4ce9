// SPDX-License-Identifier: BSL-1.0
// Any bytes as the image of a checkpoint: whoever reads it must end, hand out only blocks that fit
// their checksum, place and salt, and load a whole image or none of it, in memory that the file's
// size bounds.
//
// The first byte says what to feed: the whole file, what follows a valid header, or the same with
// each block made right, so that the fuzzer gets behind the checksums; and whether the header
// counts many tables.
#include <mantis/index/btree/btree.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/store/image_loader.hpp>
#include <mantis/txn/table_set.hpp>

using namespace mantis;

namespace {

constexpr database_id ours{1, 2};
constexpr lsn redo_from{4096};
constexpr std::uint64_t salt = 7;

using reader_type = image_reader<memory, crc32c>;
using tables_type = table_set<memory, btree<>>;

bytes valid_header(std::uint64_t tables) {
    image_header header{image_version, crc32c::format_id, ours, redo_from, salt, {9}, {1}, tables};
    return encode_image_header(header);
}

// Blocks of what is there, as the input says, but with all that vouches for them.
void make_blocks_right(bytes& raw) {
    std::uint64_t at = image_header_bytes;
    while (at + image_block_header_bytes <= raw.size()) {
        std::byte* const block = raw.data() + at;
        const std::uint64_t left = raw.size() - at - image_block_header_bytes;
        std::uint64_t payload = load_le<std::uint32_t>(block + 32) % (left + 1);
        while (image_block_bytes(payload) > raw.size() - at && payload > 0) --payload;
        const std::uint64_t size = image_block_bytes(payload);
        if (size > raw.size() - at) return;
        store_le(block + 8, at);
        store_le(block + 16, salt);
        store_le(block + 32, static_cast<std::uint32_t>(payload));
        store_le(block, crc32c::of({block + 8, static_cast<std::size_t>(size - 8)}));
        at += size;
    }
}

// A block that was handed out is one, whatever the reader thinks.
void check_block(const bytes& raw, const image_block& block, std::uint64_t file_salt) {
    check(block.offset % image_alignment == 0, "fuzz: a block lies askew");
    const std::uint64_t size = image_block_bytes(block.payload.size());
    check(block.offset + size <= raw.size(), "fuzz: a block goes beyond the file");
    const bytes_view whole =
        raw.view().part(static_cast<std::size_t>(block.offset), static_cast<std::size_t>(size));
    check(load_le<std::uint64_t>(whole.data()) == crc32c::of(whole.from(8)),
          "fuzz: a block was handed out that does not fit its checksum");
    check(load_le<std::uint64_t>(whole.data() + 8) == block.offset, "fuzz: a block of elsewhere");
    check(load_le<std::uint64_t>(whole.data() + 16) == file_salt, "fuzz: a block of another image");
    check(load_le<std::uint64_t>(whole.data() + 24) == block.table.value, "fuzz: another table");
    check(block.payload ==
              whole.part(image_block_header_bytes, static_cast<std::size_t>(block.payload.size())),
          "fuzz: other bytes than the file's");
}

struct told {
    bool whole = false;
    std::uint64_t rows = 0;
};

// Blocks and gaps are all of the file, each byte once.
told read(memory::directory& in, const bytes& raw) {
    auto reader = reader_type::open(in, image_name(redo_from), ours);
    if (!reader) return {};
    told found;
    std::uint64_t at = image_header_bytes;
    std::size_t gaps = 0;
    image_block block;
    while (reader->next(block).value()) {
        if (reader->gaps().size() > gaps) {
            check(++gaps == reader->gaps().size(), "fuzz: two gaps are one");
            check(reader->gaps().back().from == at, "fuzz: a gap begins elsewhere");
            at = reader->gaps().back().to;
        }
        check(block.offset == at, "fuzz: bytes were passed over in silence");
        check_block(raw, block, reader->header().salt);
        at += image_block_bytes(block.payload.size());
        if (block.kind == image_block_kind::rows) found.rows += block.count;
    }
    if (reader->gaps().size() > gaps) at = reader->gaps().back().to;
    check(raw.size() < image_header_bytes || at == raw.size(), "fuzz: the end was not read");
    found.whole = !reader->damage();
    if (found.whole)
        check(reader->footer()->rows == found.rows, "fuzz: whole, with fewer rows than written");
    return found;
}

void load(memory::directory& in, const told& found) {
    tables_type tables;
    image_loader<memory, crc32c, tables_type> loader{in, ours, redo_from, tables, nullptr, nullptr};
    const auto loaded = loader.load();
    check(!loaded || found.whole, "fuzz: a damaged image was loaded");
    if (loaded) {
        check(loaded->rows == found.rows, "fuzz: rows are missing");
        std::size_t entries = 0;
        for (const auto* each : tables.all())
            each->visit([&](const auto& index) {
                check(index.verify().has_value(), "fuzz: an index is broken");
                entries += index.count();
            });
        check(entries <= loaded->rows, "fuzz: more rows than the image has");
        return;
    }
    check(tables.all().empty(), "fuzz: something was loaded all the same");
    const auto intact = loader.load_intact(loaded.error());
    if (!intact) check(tables.all().empty(), "fuzz: something was loaded all the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const bytes_view input{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    (void)decode_image_header(input);
    const unsigned mode = data[0];
    bytes raw;
    if (mode % 4 != 0) raw = valid_header((mode & 64) != 0 ? ~std::uint64_t{0} >> 2 : mode / 4 % 4);
    raw.append(input);
    if (mode % 4 >= 2) make_blocks_right(raw);

    memory world;
    auto in = world.open_directory("db", directory_mode::create).value();
    in.open(image_name(redo_from), file_mode::create).value().write(0, raw).value();
    load(in, read(in, raw));
    return 0;
}
