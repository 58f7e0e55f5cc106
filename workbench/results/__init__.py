"""What came out of a training, as xarray Datasets with named dims and units."""
