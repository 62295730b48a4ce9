// SPDX-License-Identifier: BSL-1.0
// Any bytes as a page delta, a data segment's header and a segment's name: what is answered is
// spelled in one way only, takes no more memory than the bytes do, and a page map that loads it
// tells it again.
//
// The first byte says whether the checksum is made right; the rest is the delta.
#include <mantis/page/page_store.hpp>
#include <mantis/platform/memory.hpp>

using namespace mantis;

namespace {

void try_header(bytes raw, bool right) {
    raw.resize(data_header_bytes);
    if (right) {
        std::memcpy(raw.data(), "MANTISDT", 8);
        store_le(raw.data() + 40, crc32c::of(raw.view().first(40)));
    }
    const auto header = decode_data_header(raw);
    if (!header) return;
    const bytes again = encode_data_header(*header);
    check(again.view().first(48) == raw.view().first(48), "fuzz: two spellings of one header");
}

void try_name(bytes_view name) {
    std::uint32_t number = 0;
    if (!parse_data_segment_name(name, number)) return;
    check(data_segment_name(number).view() == name, "fuzz: two names of one segment");
}

void try_map(const page_delta& delta) {
    page_map map;
    for (const page_change& each : delta.changes) map.load(each.page, each.now);
    std::size_t at = 0;
    map.for_each_committed({1}, [&](page_id page, const page_entry& entry) {
        while (delta.changes[at].now.place.is_none()) ++at;
        check(delta.changes[at] == page_change{page, entry}, "fuzz: a map tells something else");
        ++at;
        return true;
    });
    for (; at < delta.changes.size(); ++at)
        check(delta.changes[at].now.place.is_none(), "fuzz: a map has lost a page");
}

// Over a directory without any segment: only a state without pages can be opened.
void try_store(const page_delta& delta, bytes_view raw) {
    memory world;
    auto in = world.open_directory("db", directory_mode::create).value();
    page_store_options options;
    options.database = delta.database;
    options.spares = 0;
    page_store<memory> disk{in, options};
    const auto loaded = disk.load(raw);
    check(loaded.has_value() == (delta.checksum_format == xxh3::format_id),
          "fuzz: a delta is taken on or not, against its checksum");
    if (!loaded) return;
    bool empty = true;
    for (const page_change& each : delta.changes) empty = empty && each.now.place.is_none();
    const auto opened = disk.opened();
    check(opened.has_value() == empty, "fuzz: segments that are not there are opened");
    check(opened || opened.error().code() == error_code::not_found, "fuzz: an odd error");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const bytes_view input{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    const bool right = (data[0] & 1) != 0;
    try_header(bytes{input.first(input.size() < 48 ? input.size() : 48)}, right);
    try_name(input);
    bytes raw{input};
    if (right && raw.size() >= page_delta_header_bytes + page_delta_checksum_bytes) {
        const std::size_t end = raw.size() - page_delta_checksum_bytes;
        std::memcpy(raw.data(), "MANTISPM", 8);
        if ((data[0] & 2) != 0)
            store_le(raw.data() + 36, static_cast<std::uint32_t>((end - page_delta_header_bytes) /
                                                                 page_delta_entry_bytes));
        store_le(raw.data() + end, crc32c::of(raw.view().first(end)));
    }
    const auto delta = decode_page_delta(raw);
    if (!delta) {
        const error_code why = delta.error().code();
        check(why == error_code::corrupt || why == error_code::mismatch,
              "fuzz: an error that is none");
        return 0;
    }
    check(delta->encode().view() == raw.view(), "fuzz: two spellings of one delta");
    try_map(*delta);
    try_store(*delta, raw);
    return 0;
}
