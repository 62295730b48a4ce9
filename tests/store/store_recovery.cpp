// SPDX-License-Identifier: BSL-1.0
//
// What an opening does with an image and a log, whichever of them is whole.
#include "checkpoint_fixture.hpp"

using namespace checkpoint_test;

TEST_CASE("segments stay where the options say so, and earlier moments with them") {
    memory files;
    store_options options = small();
    options.keep_log = true;
    lsn early;
    {
        auto db = store<app>::open("db", options, files).value();
        put(db, "left", "first", "1");
        auto tx = db.begin();
        tx.put(*db.find_table("left"), "second", "2");
        early = tx.commit()->position;
        fill(db);
        const int segments = count_of(files, ".log");
        REQUIRE(db.checkpoint());
        CHECK(count_of(files, ".log") == segments);
    }
    options.stop_at = early;
    auto db = store<app>::open("db", options, files).value();
    CHECK(all_of(db) == contents{{"left", {{"first", "1"}, {"second", "2"}}}});
    CHECK(db.recovery().image.redo_from == lsn{});
}

TEST_CASE("a moment before the checkpoint is refused with the earliest one, a later one is not") {
    memory files;
    lsn early;
    lsn late;
    checkpoint_info made;
    {
        auto db = store<app>::open("db", small(), files).value();
        put(db, "left", "first", "1");
        early = db.recovery().end;
        fill(db);
        made = db.checkpoint().value();
        auto tx = db.begin();
        tx.put(*db.find_table("left"), "second", "2");
        late = tx.commit()->position;
        put(db, "left", "third", "3");
    }
    store_options options = small();
    options.stop_at = {early.value + 8};
    const auto refused = store<app>::open("db", options, files);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::not_found);
    CHECK(*refused.error().number("earliest_lsn") == made.log_needed.value);
    options.stop_at = {};
    options.stop_at_time = nanoseconds{1};
    CHECK(*store<app>::open("db", options, files).error().number("earliest_time_ns") > 1);
    options.stop_at_time = {};
    options.stop_at = late;
    auto db = store<app>::open("db", options, files).value();
    CHECK(db.get(*db.find_table("left"), "second").value());
    CHECK_FALSE(db.get(*db.find_table("left"), "third").value());
    CHECK(db.get(*db.find_table("left"), "first").value());
    CHECK(db.checkpoint().error().code() == error_code::read_only);
}

TEST_CASE("a lost image is made up for by a whole log, and replaced by the next checkpoint") {
    for (const bool missing : {false, true}) {
        memory files;
        store_options options = small();
        options.keep_log = true;
        contents before;
        {
            auto db = store<app>::open("db", options, files).value();
            fill(db);
            REQUIRE(db.checkpoint());
            put(db, "left", "after", "1");
            before = all_of(db);
        }
        const bytes image = image_in(files);
        auto in = files.open_directory("db", directory_mode::existing).value();
        if (missing) REQUIRE(in.remove(image));
        else REQUIRE(in.open(image, file_mode::write)->write(1000, "damage"));
        {
            auto db = store<app>::open("db", options, files).value();
            CHECK(all_of(db) == before);
            REQUIRE(db.recovery().image.damage);
            CHECK(db.recovery().image.damage->code() == error_code::corrupt);
            CHECK(db.recovery().found == log_condition::clean);
            REQUIRE(db.checkpoint());
        }
        auto db = store<app>::open("db", options, files).value();
        CHECK_FALSE(db.recovery().image.damage);
        CHECK(db.recovery().image.rows == before["left"].size() + 1);
        CHECK(all_of(db) == before);
    }
}

TEST_CASE("a lost image is an error where the log before is gone") {
    memory files;
    {
        auto db = store<app>::open("db", small(), files).value();
        fill(db);
        REQUIRE(db.checkpoint());
    }
    const bytes image = image_in(files);
    auto in = files.open_directory("db", directory_mode::existing).value();
    REQUIRE(in.open(image, file_mode::write)->write(1000, "damage"));
    const auto refused = store<app>::open("db", small(), files);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::corrupt);
    CHECK(refused.error().subject() == image.view());
    CHECK(refused.error().number("offset") != nullptr);
    CHECK(refused.error().number("table") != nullptr);
}

TEST_CASE("in safe mode a damaged table answers the damage, and the others what they hold") {
    memory files;
    contents before;
    {
        auto db = store<app>::open("db", small(), files).value();
        for (const char* const name : {"a", "b", "c"})
            for (int i = 0; i < 40; ++i)
                put(db, name, std::to_string(100 + i), std::string(5000, *name));
        REQUIRE(db.checkpoint());
        put(db, "a", "after", "1");
        put(db, "b", "after", "1");
        before = all_of(db);
    }
    const bytes image = image_in(files);
    auto in = files.open_directory("db", directory_mode::existing).value();
    bytes raw = read_file(in, image, 64 * MiB).value();
    raw[raw.size() / 2] ^= std::byte{1};  // of "b"
    REQUIRE(in.open(image, file_mode::write)->write(0, raw));
    CHECK(store<app>::open("db", small(), files).error().code() == error_code::corrupt);
    store_options options = small();
    options.safe_mode = true;
    auto db = store<app>::open("db", options, files).value();
    REQUIRE(db.recovery().damage);
    CHECK(db.recovery().found == log_condition::damaged);
    for (const char* const name : {"a", "c"}) {
        auto tx = db.begin(isolation::read_committed);
        auto scan = tx.scan(*db.find_table(name));
        std::map<std::string, std::string> rows;
        while (scan.next().value())
            rows[scan.key().as<std::string>()] = scan.value().as<std::string>();
        CHECK(rows == before[name]);
    }
    const auto lost = db.find_table("b").value();
    const auto got = db.get(lost, "after");
    REQUIRE_FALSE(got);
    CHECK(got.error().code() == error_code::corrupt);
    CHECK(got.error().subject() == image.view());
    CHECK(*got.error().number("damaged_table") == 2);
    auto tx = db.begin();
    CHECK(tx.scan(lost).next().error().code() == error_code::corrupt);
    tx.put(lost, "key", "value");
    CHECK(tx.commit().error().code() == error_code::corrupt);
}

TEST_CASE("in safe mode a log that is damaged before the image is consistent is not shown") {
    memory files;
    checkpoint_info made;
    {
        auto db = store<app>::open("db", small(), files).value();
        fill(db);
        made = db.checkpoint().value();
        put(db, "left", "after", "1");
        put(db, "left", "behind", std::string(20'000, 'b'));
    }
    auto in = files.open_directory("db", directory_mode::existing).value();
    for (const std::string& name : names_in(files))
        if (lsn first; parse_segment_name(name, first)) {
            // The commit right behind the checkpoint.
            auto file = in.open(name, file_mode::write).value();
            const std::uint64_t at = round_up(made.redo_from.value, log_block_bytes);
            if (at >= first.value && segment_header_bytes + at - first.value < *file.size())
                REQUIRE(file.write(segment_header_bytes + at - first.value + 60, "damage"));
        }
    CHECK(store<app>::open("db", small(), files).error().code() == error_code::corrupt);
    store_options options = small();
    options.safe_mode = true;
    auto db = store<app>::open("db", options, files).value();
    // The damage lies at E, where the image is consistent: it is shown without what came after.
    CHECK(db.recovery().damage);
    CHECK(db.recovery().stops_at >= made.log_needed);
    CHECK_FALSE(db.get(*db.find_table("left"), "after").value());
    CHECK(db.get(*db.find_table("left"), "18").value());
}

TEST_CASE("a log that ends before the checkpoint is damage") {
    memory files;
    {
        auto db = store<app>::open("db", small(), files).value();
        fill(db);
        REQUIRE(db.checkpoint());
    }
    auto in = files.open_directory("db", directory_mode::existing).value();
    for (const std::string& name : names_in(files))
        if (lsn first; parse_segment_name(name, first)) REQUIRE(in.remove(name));
    CHECK(store<app>::open("db", small(), files).error().code() == error_code::corrupt);
    store_options options = small();
    options.safe_mode = true;
    // The image is consistent by itself: nothing was committed while it was written.
    auto db = store<app>::open("db", options, files).value();
    CHECK(db.recovery().damage);
    CHECK(db.get(*db.find_table("left"), "18").value());
}
