// SPDX-License-Identifier: BSL-1.0
//
// The names that other people's headers mention, declared and not defined; this costs next to
// nothing to include.
//
// store, collection and document_store have a default argument, which comes with their
// definitions: here they are written with their application, as store<ledger>. What has more of
// them (rwlock, histogram, lock_manager, worker_pool) is not here.
#pragma once

#include <cstdint>

namespace mantis {

// core/
class bytes;
class bytes_view;
class error;
class event;
enum class error_class : std::uint8_t;
enum class error_code : std::uint8_t;
enum class error_strategy : std::uint8_t;
enum class event_code : std::uint8_t;
enum class event_level : std::uint8_t;
struct event_listener;
template <class T>
class result;
template <class T>
struct key_codec;
template <auto... Member>
struct members;
template <class T>
struct stored_members;
template <class T>
struct value_codec;
struct crc32c;
struct database_id;
struct lsn;
struct nanoseconds;
struct page_id;
struct table_id;
struct transaction_id;
struct xxh3;

// platform/
template <class Platform>
class memory_budget;
class memory;
class simulated;
class simulation;
struct posix;

// metrics/
template <class Platform>
class counter;
template <class Platform>
class gauge;
template <class Platform>
class metric_attachment;
template <class Platform>
class metric_registry;
class histogram_snapshot;
class label_set;
class sample_writer;
struct metric_description;
struct metrics_snapshot;

// sync/
template <class Platform>
class epoch;
template <class Platform>
class optimistic_latch;
template <class Platform>
class word_latch;

// lock/
class lock_deadline;
class lock_path;
class wait_graph;
enum class lock_mode : std::uint8_t;
struct lock_manager_options;
struct lock_options;
template <class Manager>
class lock_owner;

// wal/
enum class durability_class : std::uint8_t;
struct buffered;
struct group_commit;
struct loss_window;
struct log_options;
struct periodic;

// index/
template <class Platform, class Config>
class basic_btree;
template <class Config>
struct btree;

// txn/
enum class isolation : std::uint8_t;
struct commit_info;
template <class Engine>
class transaction;

// recovery/
struct recovery_progress;
struct recovery_summary;

// store/
template <class... With>
struct policies;
struct default_policies;
struct store_options;
template <class App>
class store;

// document/
class bson_value;
class bson_view;
class bson_writer;
class filter;
class update;
struct document_policies;
struct query;
template <class App>
class collection;
template <class App>
class document_store;

}  // namespace mantis
