mod sync_file;
