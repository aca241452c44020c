//! Parquet in and out: JSON records become columns, and columns JSON records.
//!
//! The only crate that knows Arrow and Parquet, which are a good part of a cold build. It uses Arrow's
//! arrays and schemas and none of its kernels: conversion from and to JSON text is our own, without a
//! document tree in between.
