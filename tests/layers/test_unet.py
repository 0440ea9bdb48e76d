import torch

from mien.layers.unet import DoublingDecoder, HalvingEncoder, UNet


def test_each_level_halves_and_doubles() -> None:
    encoder = HalvingEncoder(6, (4, 5, 7))
    features = encoder(torch.rand(2, 6, 8, 16))
    assert [tuple(one.shape[1:]) for one in features] == [(4, 4, 8), (5, 2, 4), (7, 1, 2)]
    decoder = DoublingDecoder((7, 5, 4), 3, (5, 4))
    *finer, code = features
    assert decoder(code, finer[::-1]).shape == (2, 3, 8, 16)


def test_the_first_and_last_convolution_have_no_norm() -> None:
    """A single pixel of a single picture would have no variance."""
    encoder, decoder = HalvingEncoder(6, (4, 5, 7)), DoublingDecoder((7, 5, 4), 3, (0, 0))
    assert [norm.num_features for norm in encoder.norms] == [5]
    assert [norm.num_features for norm in decoder.norms] == [5, 4]
    assert encoder.train()(torch.rand(1, 6, 8, 8))[-1].isfinite().all()


def test_without_skips_only_the_code_counts() -> None:
    torch.manual_seed(0)
    with_skips, without = (UNet(3, (4, 5), 2, skips=skips).eval() for skips in (True, False))
    assert with_skips.decoder.convs[1].in_channels == 4 + 4
    assert without.decoder.convs[1].in_channels == 4
    result = without(torch.rand(1, 3, 8, 8))
    assert result.shape == (1, 2, 8, 8)
    assert result.abs().max() < 1


def test_dropout_is_for_training() -> None:
    network = UNet(3, (4, 5), 2, skips=True, num_dropouts=1)
    picture = torch.rand(1, 3, 8, 8)
    network.eval()
    assert torch.equal(network(picture), network(picture))
