// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/image_reader.hpp>
#include <mantis/recovery/image_writer.hpp>

#include <map>
#include <string>

using namespace mantis;

namespace {

constexpr database_id ours{3, 4};
using reader_type = image_reader<memory, crc32c>;

struct image {
    memory files;
    memory::directory in = files.open_directory("db", directory_mode::create).value();
    bytes raw;

    explicit image(std::uint64_t salt = 77, int rows = 30, std::size_t value_bytes = 6000) {
        image_header header{image_version, 0, ours, {4096}, salt, {9}, {1234}, 2};
        std::vector<image_table> tables;
        for (std::uint64_t id = 1; id <= 2; ++id)
            tables.push_back({{id}, bytes{bytes_view{"t"}}, bytes{bytes_view{"btree"}}, false});
        image_writer<memory, crc32c> to{in, header};
        REQUIRE(to.begin(tables));
        for (int i = 0; i < 2 * rows; ++i)
            REQUIRE(to.add_row({i < rows ? 1u : 2u},
                               {std::to_string(100 + i), std::string(value_bytes, 'v'), {5}}));
        REQUIRE(to.finish({5000}, {7}, tables));
        REQUIRE(to.publish());
        raw = read_file(in, image_name({4096}), 8 * MiB).value();
    }
    void replace(bytes_view with) {
        auto file = in.open(image_name({4096}), file_mode::write).value();
        REQUIRE(file.resize(0));
        REQUIRE(file.write(0, with));
    }
};

struct reading {
    std::map<std::string, std::size_t> rows;  // key and bytes of the value
    std::optional<error> refused;
    std::optional<error> damage;
    std::vector<image_gap> gaps;
};

reading read(image& from, database_id of = ours) {
    reading found;
    auto reader = reader_type::open(from.in, image_name({4096}), of);
    if (!reader) {
        found.refused = reader.error();
        return found;
    }
    image_block block;
    while (reader->next(block).value()) {
        if (block.kind != image_block_kind::rows) continue;
        byte_reader payload{block.payload};
        image_row row;
        for (std::uint32_t left = block.count; left > 0; --left) {
            REQUIRE(read_image_row(payload, row));
            CHECK(row.value == bytes_view{std::string(row.value.size(), 'v')});
            found.rows[row.key.as<std::string>()] = row.value.size();
        }
    }
    found.damage = reader->damage();
    found.gaps = reader->gaps();
    return found;
}

}  // namespace

TEST_CASE("what was written is read, with its header and footer") {
    image whole;
    const reading found = read(whole);
    CHECK(found.rows.size() == 60);
    CHECK_FALSE(found.damage);
    auto reader = reader_type::open(whole.in, image_name({4096}), ours).value();
    image_block block;
    while (reader.next(block).value()) {}
    CHECK(reader.header().last_transaction == transaction_id{9});
    REQUIRE(reader.footer());
    CHECK(reader.footer()->log_needed == lsn{5000});
    CHECK(reader.footer()->rows == 60);
}

TEST_CASE("every flipped bit, every missing end and anything behind it is damage") {
    image small{77, 2, 10};
    const bytes whole = small.raw;
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        bytes raw = whole;
        raw[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
        small.replace(raw);
        const reading found = read(small);
        CHECK((found.damage || found.refused));
        for (const auto& row : found.rows) CHECK(row.second == 10);
    }
    for (std::size_t size = 0; size < whole.size(); ++size) {
        small.replace(whole.view().first(size));
        const reading found = read(small);
        CHECK((found.damage || found.refused));
    }
    bytes longer = whole;
    longer.append(8, std::byte{0});
    small.replace(longer);
    CHECK(read(small).damage);
}

TEST_CASE("behind a damaged block reading goes on, and says what was lost") {
    image large;
    bytes raw = large.raw;
    raw[200'000] ^= std::byte{16};
    large.replace(raw);
    const reading found = read(large);
    REQUIRE(found.damage);
    REQUIRE(found.gaps.size() == 1);
    CHECK(found.gaps[0].from < 200'000);
    CHECK(found.gaps[0].to > 200'000);
    CHECK(found.gaps[0].to - found.gaps[0].from < 80'000);
    CHECK(found.rows.size() >= 48);
    CHECK(found.rows.size() < 60);
    CHECK(found.damage->subject() == image_name({4096}).view());
    CHECK(*found.damage->number("offset") == found.gaps[0].from);
}

TEST_CASE("a block from elsewhere in the file, or of another image, is no block here") {
    image ours_now;
    image stale{78};
    REQUIRE(stale.raw.size() == ours_now.raw.size());
    const std::size_t half = ours_now.raw.size() / 2;
    bytes mixed{ours_now.raw.view().first(half)};
    mixed.append(stale.raw.view().from(half));
    ours_now.replace(mixed);
    CHECK(read(ours_now).damage);
    CHECK(read(ours_now).rows.size() < 40);
    // Two blocks of one size, exchanged.
    image moved{77, 2, 70'000};
    bytes raw = moved.raw;
    const std::size_t first = image_header_bytes + image_block_bytes(2 * 9);
    const std::size_t size = image_block_bytes(1 + 3 + 3 + 70'000 + 1);
    bytes block{raw.view().part(first, size)};
    std::memcpy(raw.data() + first, raw.data() + first + size, size);
    std::memcpy(raw.data() + first + size, block.data(), size);
    moved.replace(raw);
    const reading found = read(moved);
    CHECK(found.damage);
    CHECK(found.rows.size() == 2);
}

TEST_CASE("an image of another database, or under another name, is refused") {
    image whole;
    CHECK(read(whole, {3, 5}).refused->code() == error_code::mismatch);
    REQUIRE(whole.in.rename(image_name({4096}), image_name({8192})));
    CHECK(reader_type::open(whole.in, image_name({8192}), ours).error().code() ==
          error_code::corrupt);
    CHECK(reader_type::open(whole.in, image_name({4096}), ours).error().code() ==
          error_code::not_found);
    using other = image_reader<memory, xxh3>;
    REQUIRE(whole.in.rename(image_name({8192}), image_name({4096})));
    CHECK(other::open(whole.in, image_name({4096}), ours).error().code() == error_code::mismatch);
}

TEST_CASE("an image that is read wrong once is whole") {
    for (std::uint64_t nth = 1; nth <= 12; ++nth) {
        CAPTURE(nth);
        simulation world{nth};
        world.run([&] {
            image made;
            auto in = world.platform().open_directory("db", directory_mode::create).value();
            auto file = in.open(image_name({4096}), file_mode::create).value();
            REQUIRE(file.write(0, made.raw));
            world.inject({.kind = fault_kind::flip_on_read, .nth = nth});
            auto reader = image_reader<simulated, crc32c>::open(in, image_name({4096}), ours);
            REQUIRE(reader);
            image_block block;
            while (reader->next(block).value()) {}
            CHECK_FALSE(reader->damage());
        });
    }
}

TEST_CASE("a block of a kind that there is none of is damage, though its checksum fits") {
    image whole;
    const std::size_t first = image_header_bytes + image_block_bytes(2 * 9);
    const std::size_t size =
        image_block_bytes(load_le<std::uint32_t>(whole.raw.data() + first + 32));
    for (const unsigned kind : {0u, 4u, 255u}) {
        CAPTURE(kind);
        bytes forged = whole.raw;
        std::byte* const block = forged.data() + first;
        block[40] = static_cast<std::byte>(kind);
        store_le(block, crc32c::of({block + 8, size - 8}));
        whole.replace(forged);
        const reading found = read(whole);
        REQUIRE(found.gaps.size() == 1);
        CHECK(found.gaps[0].from == first);
        CHECK(found.gaps[0].to == first + size);
        CHECK(found.damage);
    }
}

TEST_CASE("an image that counts more tables than it has bytes is refused") {
    image whole;
    for (const std::uint64_t tables : {whole.raw.size() + 1, ~std::uint64_t{0}}) {
        bytes forged = encode_image_header(
            {image_version, crc32c::format_id, ours, {4096}, 77, {9}, {1234}, tables});
        forged.append(whole.raw.view().from(image_header_bytes));
        whole.replace(forged);
        const reading found = read(whole);
        REQUIRE(found.refused);
        CHECK(found.refused->code() == error_code::corrupt);
        CHECK(*found.refused->number("tables") == tables);
    }
}
