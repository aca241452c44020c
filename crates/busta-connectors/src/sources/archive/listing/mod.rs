//! What a repository says there is: listings of S3, index pages, manifests.
