// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/atomic_replace.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/recovery/image_reader.hpp>
#include <mantis/recovery/image_writer.hpp>

#include <string>

using namespace mantis;

namespace {

using writer = image_writer<memory, crc32c>;
const image_header header{image_version, 0, {3, 4}, {4096}, 77, {9}, {1234}, 1};
const std::vector<image_table> tables{
    {{1}, bytes{bytes_view{"a"}}, bytes{bytes_view{"btree"}}, false}};

}  // namespace

TEST_CASE("rows go into blocks of about the size they should have") {
    memory files;
    auto in = files.open_directory("db", directory_mode::create).value();
    {
        writer image{in, header};
        REQUIRE(image.begin(tables));
        for (int i = 0; i < 2000; ++i)
            REQUIRE(image.add_row({1}, {std::to_string(1000 + i), std::string(90, 'v'), {5}}));
        REQUIRE(image.add_row({1}, {"large", std::string(300'000, 'l'), {5}}));
        REQUIRE(image.finish({5000}, {}, tables));
        REQUIRE(image.publish());
        CHECK(image.rows() == 2001);
        CHECK(image.size() == in.open(image.name(), file_mode::read)->size().value());
    }
    auto reader = image_reader<memory, crc32c>::open(in, image_name({4096}), {3, 4}).value();
    image_block block;
    int blocks = 0;
    while (reader.next(block).value())
        if (++blocks == 2 || blocks == 3) {  // and the large row fills the fourth
            CHECK(block.payload.size() + 200 > image_block_target_bytes);
            CHECK(block.payload.size() < image_block_target_bytes + 200);
        }
    CHECK_FALSE(reader.damage());
    CHECK(blocks == 5);
}

TEST_CASE("an image that is not published leaves no file, and an older one as it was") {
    memory files;
    auto in = files.open_directory("db", directory_mode::create).value();
    { REQUIRE(writer{in, header}.begin(tables)); }
    CHECK(in.list()->empty());
    {
        writer image{in, header};
        REQUIRE(image.begin(tables));
        REQUIRE(image.finish({5000}, {}, tables));
        CHECK(in.list()->front().view() == bytes_view{"checkpoint-0000000000001000.image.tmp"});
        REQUIRE(image.publish());
    }
    const bytes before = read_file(in, image_name({4096}), 1 * MiB).value();
    {
        writer again{in, header};
        REQUIRE(again.begin(tables));
        REQUIRE(again.add_row({1}, {"k", "v", {5}}));
    }
    CHECK(in.list()->size() == 1);
    CHECK(read_file(in, image_name({4096}), 1 * MiB).value() == before);
}
