"""MONAI: networks for volumes and slices, at small sizes."""

from __future__ import annotations

from monai.networks import nets
from monai.networks.nets.restormer import Restormer

from tools.coverage.specs import call, floats, ids

DISTRIBUTIONS = ("monai",)

_VOLUME = floats(1, 1, 64, 64, 64)

NETWORKS = {
    "UNet": lambda: call(nets.UNet(3, 1, 2, (16, 32, 64, 128), (2, 2, 2), num_res_units=2), _VOLUME),
    "BasicUNet": lambda: call(nets.BasicUNet(3, 1, 2), _VOLUME),
    "BasicUNetPlusPlus": lambda: call(nets.BasicUNetPlusPlus(3, 1, 2), _VOLUME),
    "AttentionUnet": lambda: call(nets.AttentionUnet(3, 1, 2, (16, 32, 64), (2, 2)), _VOLUME),
    "DynUNet": lambda: call(nets.DynUNet(3, 1, 2, [3, 3, 3], [1, 2, 2], [2, 2]), _VOLUME),
    "SegResNet": lambda: call(nets.SegResNet(3, in_channels=1), _VOLUME),
    "SegResNetDS": lambda: call(nets.SegResNetDS(3, in_channels=1), _VOLUME),
    "SegResNetVAE": lambda: call(nets.SegResNetVAE((64, 64, 64), in_channels=1), _VOLUME),
    "UNETR": lambda: call(nets.UNETR(1, 2, (64, 64, 64)), _VOLUME),
    "SwinUNETR": lambda: call(nets.SwinUNETR(1, 2, feature_size=24), _VOLUME),
    "VNet": lambda: call(nets.VNet(), _VOLUME),
    "HighResNet": lambda: call(nets.HighResNet(3, 1, 2), floats(1, 1, 32, 32, 32)),
    "AHNet": lambda: call(
        nets.AHNet(spatial_dims=3, in_channels=1, out_channels=2, psp_block_num=0), _VOLUME
    ),
    "ViT": lambda: call(nets.ViT(1, (64, 64, 64), (16, 16, 16), classification=True), _VOLUME),
    "ViTAutoEnc": lambda: call(nets.ViTAutoEnc(1, (64, 64, 64), (16, 16, 16)), _VOLUME),
    "MaskedAutoEncoderViT": lambda: call(nets.MaskedAutoEncoderViT(1, (64, 64, 64), (16, 16, 16)), _VOLUME),
    "DenseNet121": lambda: call(nets.DenseNet121(3, 1, 2), _VOLUME),
    "DenseNet264": lambda: call(nets.DenseNet264(2, 3, 10), floats(1, 3, 224, 224)),
    "EfficientNetBN-b0": lambda: call(
        nets.EfficientNetBN("efficientnet-b0", pretrained=False), floats(1, 3, 224, 224)
    ),
    "SENet154": lambda: call(
        nets.SENet154(spatial_dims=2, in_channels=3, num_classes=10), floats(1, 3, 224, 224)
    ),
    "SEResNet50": lambda: call(
        nets.SEResNet50(spatial_dims=2, in_channels=3, num_classes=10), floats(1, 3, 224, 224)
    ),
    "resnet18": lambda: call(nets.resnet18(spatial_dims=3, n_input_channels=1), _VOLUME),
    "resnet50": lambda: call(nets.resnet50(spatial_dims=3, n_input_channels=1), _VOLUME),
    "AutoEncoder": lambda: call(nets.AutoEncoder(2, 1, 1, (4, 8, 16), (2, 2, 2)), floats(1, 1, 64, 64)),
    "VarAutoEncoder": lambda: call(
        nets.VarAutoEncoder(2, (1, 64, 64), 1, 16, (4, 8, 16), (2, 2, 2)), floats(1, 1, 64, 64)
    ),
    "AutoencoderKL": lambda: call(
        nets.AutoencoderKL(
            2,
            channels=(32, 64),
            attention_levels=(False, True),
            latent_channels=4,
            num_res_blocks=1,
            norm_num_groups=16,
        ),
        floats(1, 1, 64, 64),
    ),
    "DiffusionModelUNet": lambda: call(
        nets.DiffusionModelUNet(
            2, 1, 1, channels=(32, 64), attention_levels=(False, True), num_res_blocks=1, num_head_channels=32
        ),
        floats(1, 1, 64, 64),
        ids(1),
    ),
    "VQVAE": lambda: call(nets.VQVAE(2, 1, 1), floats(1, 1, 64, 64)),
    "HoVerNet": lambda: call(nets.HoVerNet(mode="fast"), floats(1, 3, 256, 256)),
    "FlexibleUNet": lambda: call(nets.FlexibleUNet(3, 2, "efficientnet-b0"), floats(1, 3, 256, 256)),
    "Restormer": lambda: call(Restormer(), floats(1, 3, 64, 64)),
    "MedNeXtS": lambda: call(
        nets.MedNeXtS(spatial_dims=3, in_channels=1, out_channels=2), floats(1, 1, 32, 32, 32)
    ),
    "Quicknat": lambda: call(nets.Quicknat(), floats(1, 1, 64, 64)),
    "DAF3D": lambda: call(nets.DAF3D(1, 2), _VOLUME),
    "VoxelMorphUNet": lambda: call(
        nets.VoxelMorphUNet(3, 2, 32, (16, 32), (32, 16)), floats(1, 2, 32, 32, 32)
    ),
    "RegUNet": lambda: call(nets.RegUNet(3, 2, 8, 2), floats(1, 2, 32, 32, 32)),
    "LocalNet": lambda: call(nets.LocalNet(3, 2, 8, (0, 1, 2, 3)), floats(1, 2, 32, 32, 32)),
    "MILModel": lambda: call(nets.MILModel(2, pretrained=False), floats(1, 4, 3, 224, 224)),
    "PatchDiscriminator": lambda: call(nets.PatchDiscriminator(2, 64, 1), floats(1, 1, 64, 64)),
    "Discriminator": lambda: call(nets.Discriminator((1, 64, 64), (8, 16), (2, 2)), floats(1, 1, 64, 64)),
    "Regressor": lambda: call(nets.Regressor((1, 64, 64), (2,), (8, 16), (2, 2)), floats(1, 1, 64, 64)),
    "DecoderOnlyTransformer": lambda: call(nets.DecoderOnlyTransformer(256, 64, 64, 2, 4), ids(1, 64)),
    "FullyConnectedNet": lambda: call(nets.FullyConnectedNet(10, 3, (20, 30)), floats(1, 10)),
    "SPADENet": lambda: call(
        nets.SPADENet(2, 1, 1, 3, (64, 64), [16, 32, 64], is_vae=False), floats(1, 3, 64, 64)
    ),
}
