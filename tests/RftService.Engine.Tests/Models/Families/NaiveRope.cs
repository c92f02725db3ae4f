using System.Text.Json;

namespace RftService.Engine.Tests.Models.Families;

/// <summary>Rotation of one head, from the raw config.json: the formulas of the published code, written out for each kind of scaling.</summary>
internal sealed class NaiveRope(double[] frequencies, double amplitude)
{
    /// <summary>Null for a layer that does not turn.</summary>
    public static NaiveRope? Of(JsonElement config, string type, int layer, bool slides, int head)
    {
        if (type == "smollm3" && config.GetProperty("no_rope_layers")[layer].GetInt32() == 0)
        {
            return null;
        }

        var theta = Number(config, "rope_theta", 10_000);
        var scaling = config.TryGetProperty("rope_scaling", out var given) && given.ValueKind == JsonValueKind.Object ? given : (JsonElement?)null;
        if (config.TryGetProperty("rope_parameters", out var parameters))
        {
            scaling = type == "gemma3_text" ? parameters.GetProperty(slides ? "sliding_attention" : "full_attention") : parameters;
            theta = scaling.Value.GetProperty("rope_theta").GetDouble();
        }
        else if (type == "gemma3_text" && slides)
        {
            (theta, scaling) = (config.GetProperty("rope_local_base_freq").GetDouble(), null);
        }

        var turned = (int)(head * Number(config, "partial_rotary_factor", 1));
        var plain = Enumerable.Range(0, turned / 2).Select(i => 1 / Math.Pow(theta, 2.0 * i / turned)).ToArray();
        return Scaled(config, scaling, theta, turned, plain);
    }

    /// <summary>Dimension i with dimension i + half, as two numbers of a plane.</summary>
    public double[] Turn(double[] head, int position)
    {
        var turned = (double[])head.Clone();
        for (var i = 0; i < frequencies.Length; i++)
        {
            var (sine, cosine) = Math.SinCos(position * frequencies[i]);
            var (x, y) = (head[i], head[i + frequencies.Length]);
            turned[i] = amplitude * ((x * cosine) - (y * sine));
            turned[i + frequencies.Length] = amplitude * ((y * cosine) + (x * sine));
        }

        return turned;
    }

    private static NaiveRope Scaled(JsonElement config, JsonElement? given, double theta, int turned, double[] plain)
    {
        if (given is not { } scaling)
        {
            return new NaiveRope(plain, 1);
        }

        var factor = Number(scaling, "factor", 1);
        switch ((scaling.TryGetProperty("rope_type", out var type) ? type : scaling.GetProperty("type")).GetString())
        {
            case "linear":
                return new NaiveRope(Array.ConvertAll(plain, frequency => frequency / factor), 1);
            case "llama3":
                var (low, high) = (Number(scaling, "low_freq_factor"), Number(scaling, "high_freq_factor"));
                var context = Number(scaling, "original_max_position_embeddings");
                return new NaiveRope(
                    Array.ConvertAll(plain, frequency =>
                    {
                        var wave = 2 * Math.PI / frequency;
                        var smooth = ((context / wave) - low) / (high - low);
                        return wave < context / high ? frequency
                            : wave > context / low ? frequency / factor
                            : ((1 - smooth) * frequency / factor) + (smooth * frequency);
                    }),
                    1);
            case "yarn":
                context = Number(scaling, "original_max_position_embeddings");
                double Correction(double rotations) => turned * Math.Log(context / (rotations * 2 * Math.PI)) / (2 * Math.Log(theta));
                var first = Math.Max(Math.Floor(Correction(Number(scaling, "beta_fast", 32))), 0);
                var last = Math.Min(Math.Ceiling(Correction(Number(scaling, "beta_slow", 1))), turned - 1);
                return new NaiveRope(
                    [.. plain.Select((frequency, i) =>
                    {
                        var ramp = Math.Clamp((i - first) / (last - first), 0, 1);
                        var extrapolation = 1 - ramp;
                        return (frequency / factor * (1 - extrapolation)) + (frequency * extrapolation);
                    })],
                    (0.1 * Math.Log(factor)) + 1);
            case "longrope":
                var original = Number(config, "original_max_position_embeddings");
                var growth = Number(config, "max_position_embeddings") / original;
                return new NaiveRope(
                    [.. plain.Select((frequency, i) => frequency / scaling.GetProperty("short_factor")[i].GetDouble())],
                    Math.Sqrt(1 + (Math.Log(growth) / Math.Log(original))));
            default:
                return new NaiveRope(plain, 1);
        }
    }

    private static double Number(JsonElement holder, string field, double? absent = null) =>
        holder.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : absent!.Value;
}
