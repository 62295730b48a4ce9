// SPDX-License-Identifier: BSL-1.0
// Any bytes as the superblock and its copy: what is answered is what a whole one of the two says,
// each other file is said to be wrong, and replacing both makes them whole.
//
// The first byte says which of the two is there, and whether checksums are made right; the second
// where the input is cut.
#include <mantis/platform/memory.hpp>
#include <mantis/recovery/superblock_pair.hpp>

using namespace mantis;

namespace {

void write_file(memory::directory& in, const char* name, bytes raw, bool right) {
    if (right && raw.size() >= 16) {
        std::memcpy(raw.data(), "MANTISSB", 8);
        std::byte* const end = raw.data() + raw.size() - 8;
        store_le(end, crc32c::of({raw.data(), raw.size() - 8}));
    }
    in.open(name, file_mode::create).value().write(0, raw).value();
}

std::optional<superblock> whole(memory::directory& in, const char* name) {
    const auto raw = read_file(in, name, 64 * KiB);
    if (!raw) return std::nullopt;
    const auto block = decode_superblock(*raw, name);
    if (!block) return std::nullopt;
    check(encode_superblock(*block) == *raw, "fuzz: two spellings of one superblock");
    return *block;
}
bool same(const superblock& a, const superblock& b) {
    return encode_superblock(a) == encode_superblock(b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const bytes_view input{reinterpret_cast<const std::byte*>(data) + 2, size - 2};
    const std::size_t cut = data[1] < input.size() ? data[1] : input.size();
    const unsigned mode = data[0];
    memory world;
    auto in = world.open_directory("db", directory_mode::create).value();
    const bool right = (mode & 4) != 0;
    if ((mode & 1) == 0) write_file(in, superblock_name, bytes{input.first(cut)}, right);
    if ((mode & 2) == 0) write_file(in, superblock_copy_name, bytes{input.from(cut)}, right);

    const auto first = whole(in, superblock_name);
    const auto copy = whole(in, superblock_copy_name);
    const auto pair = read_superblocks(in);
    if (!pair) {
        const error_code why = pair.error().code();
        check(why == error_code::corrupt || why == error_code::mismatch ||
                  (why == error_code::not_found && (mode & 3) == 3),
              "fuzz: an error that is none");
        check(!first || !copy || first->database != copy->database || why == error_code::mismatch,
              "fuzz: two whole files are refused");
        return 0;
    }
    check((first && same(pair->block, *first)) || (copy && same(pair->block, *copy)),
          "fuzz: neither file says so");
    check(!first || pair->block.generation >= first->generation, "fuzz: the older one counts");
    check(!copy || pair->block.generation >= copy->generation, "fuzz: the older one counts");
    if (pair->complete()) check(first && copy && same(*first, *copy), "fuzz: they differ");
    check(first || is_damage(pair->first), "fuzz: damage is not told");
    check(copy || pair->copy != superblock_condition::sound, "fuzz: damage is not told");
    superblock next = pair->block;
    next.version = superblock_version;
    ++next.generation;
    replace_superblocks(in, next).value();
    const auto again = read_superblocks(in).value();
    check(again.complete() && same(again.block, next), "fuzz: replacing makes them whole");
    return 0;
}
