"""The cellar: a run is a folder of Parquet parts and a manifest. No torch, no pickle."""
